/** The runtime's files: fetched, counted as they come, and checked before anything is made of them. */

import { PARTS, type Part } from "./wire";

export interface Progress {
  /** What is loading, for the reader. */
  readonly what: string;
  readonly loaded: number;
  readonly total: number;
}

interface Asset {
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
  readonly what: string;
}

export type Assets = Readonly<Record<Part, Promise<ArrayBuffer>>>;

/** A sentence for the reader. */
export class Unavailable extends Error {}

async function received(
  address: URL,
  cache: RequestCache,
  count: (bytes: number) => void,
): Promise<Blob> {
  const response = await fetch(address, { cache, credentials: "same-origin" }).catch(() => null);
  if (!response?.ok || !response.body) {
    throw new Unavailable(
      response && !response.ok
        ? `The server answered ${response.status} for a file of the Python runtime (${address.pathname}).`
        : "The Python runtime could not be fetched. Is this computer online?",
    );
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Unavailable("The connection was lost while the Python runtime was loading.");
    });
    if (done) return new Blob(chunks);
    chunks.push(value as Uint8Array<ArrayBuffer>);
    count(value.length);
  }
}

async function whole(bytes: ArrayBuffer, asset: Asset): Promise<boolean> {
  if (bytes.byteLength !== asset.size) return false;
  // Over plain http from another computer there is no `subtle`; the size is all that is known then.
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === asset.sha256;
}

/** One file; a damaged copy is fetched once more, past the browser's cache. */
async function checked(
  base: URL,
  asset: Asset,
  count: (bytes: number) => void,
): Promise<ArrayBuffer> {
  for (const cache of ["default", "reload"] as const) {
    let got = 0;
    const blob = await received(new URL(asset.file, base), cache, (bytes) => {
      got += bytes;
      count(bytes);
    });
    const bytes = await blob.arrayBuffer();
    if (await whole(bytes, asset)) return bytes;
    count(-got);
  }
  throw new Unavailable(
    `A file of the Python runtime arrived damaged (${asset.file}). Press Run to fetch it again.`,
  );
}

/** Every file of the manifest in `base`, all at once; `report` hears of each piece that arrives. */
export async function fetchAssets(
  base: URL,
  report: (progress: Progress) => void,
): Promise<Assets> {
  const manifest = await received(new URL("manifest.json", base), "no-cache", () => {});
  let listed: Record<Part, Asset>;
  try {
    ({ assets: listed } = JSON.parse(await manifest.text()) as { assets: Record<Part, Asset> });
  } catch {
    throw new Unavailable("The list of the Python runtime's files arrived damaged.");
  }
  const total = PARTS.reduce((sum, part) => sum + listed[part].size, 0);
  const left = new Map(PARTS.map((part) => [part, listed[part].size]));
  let loaded = 0;
  const counted = (part: Part, bytes: number): void => {
    loaded += bytes;
    left.set(part, (left.get(part) ?? 0) - bytes);
    const loading = PARTS.find((each) => (left.get(each) ?? 0) > 0) ?? part;
    report({ what: listed[loading].what, loaded, total });
  };
  const pairs = PARTS.map((part) => {
    const bytes = checked(base, listed[part], (count) => counted(part, count));
    bytes.catch(() => {}); // whoever awaits it hears of it
    return [part, bytes] as const;
  });
  return Object.fromEntries(pairs) as Assets;
}
