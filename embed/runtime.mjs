// The steps of runtime.py that need Node. Each call does one, told by JSON in the first argument:
//   {"do": "bundle", "entry": F}                          the script, bundled, on standard output
//   {"do": "compile", "zips": [{source, target, alone}]}  bytecode, made by Pyodide's own Python
import { readFileSync, writeFileSync } from "node:fs";

const asked = JSON.parse(process.argv[2]);

async function bundle({ entry }) {
  const { build } = await import("esbuild");
  const made = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    legalComments: "none",
    logLevel: "error",
    // Pyodide's code for Node: never reached in a browser, and no import() may remain.
    external: ["node:*", "ws"],
    supported: { "dynamic-import": false },
    define: { "import.meta.url": '"https://runtime.invalid/"' },
  });
  process.stdout.write(made.outputFiles[0].text);
}

async function compile({ zips }) {
  const { loadPyodide } = await import("pyodide");
  // Without the columns of each instruction, which only tracebacks use: a quarter less to download.
  const pyodide = await loadPyodide({ env: { PYTHONNODEBUGRANGES: "1" } });
  pyodide.runPython(readFileSync(new URL("bytecode.py", import.meta.url), "utf8"));
  const compileZip = pyodide.globals.get("compile_zip");
  for (const { source, target, alone } of zips) {
    pyodide.FS.writeFile("/source.zip", readFileSync(source));
    compileZip.callKwargs("/source.zip", "/target.zip", { alone });
    writeFileSync(target, pyodide.FS.readFile("/target.zip"));
  }
}

try {
  await { bundle, compile }[asked.do](asked);
} catch (error) {
  // Left uncaught, Node would print a megabyte: the whole line of Pyodide that was running.
  console.error(error.message);
  process.exit(1);
}
