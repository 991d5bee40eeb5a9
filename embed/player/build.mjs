/**
 * Bundles the player into docs/assets/player: the element, the editor that is loaded on demand, and
 * the styles. `--watch` does it again whenever a source changes; `--into=FOLDER` puts it elsewhere.
 */

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const watch = process.argv.includes("--watch");
const into = process.argv.find((word) => word.startsWith("--into="))?.slice("--into=".length);

const options = {
  entryPoints: ["player.ts", "editor.ts", "player.css"].map(here),
  outdir: into ?? here("../../docs/assets/player"),
  entryNames: "[name]",
  bundle: true,
  // Plain scripts: a page opened as a file can load no module.
  format: "iife",
  target: ["chrome111", "firefox113", "safari16.4"],
  minify: true,
  tsconfigRaw: {},
  legalComments: "none",
  charset: "utf8",
  logLevel: watch ? "info" : "warning",
};

await mkdir(options.outdir, { recursive: true });
if (watch) await (await context(options)).watch();
else await build(options);
