/** Files out of a zip of our own making: stored or deflated, with no comment at its end. */

const END = 22;
const ENTRY = 46;
const LOCAL = 30;
const DEFLATED = 8;

export async function unzip(zip: ArrayBuffer): Promise<Map<string, Uint8Array>> {
  const view = new DataView(zip);
  const end = zip.byteLength - END;
  const decoder = new TextDecoder();
  const files: Promise<readonly [string, Uint8Array]>[] = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    const method = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 20, true);
    const length = view.getUint16(at + 28, true);
    const more = view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const local = view.getUint32(at + 42, true);
    const name = decoder.decode(new Uint8Array(zip, at + ENTRY, length));
    const start =
      local + LOCAL + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    files.push(inflated(new Uint8Array(zip, start, size), method).then((data) => [name, data]));
    at += ENTRY + length + more;
  }
  return new Map(await Promise.all(files));
}

async function inflated(data: Uint8Array<ArrayBuffer>, method: number): Promise<Uint8Array> {
  if (method !== DEFLATED) return data.slice();
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
