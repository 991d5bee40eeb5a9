// Runs Python under the Pyodide that readers get: argv holds its library, the wheel, and a file of
// Python whose `tell()` gives the text to print.
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [library, wheel, script] = process.argv.slice(2);
try {
  const pyodide = await loadPyodide({ stdLibURL: library });
  pyodide.unpackArchive(new Uint8Array(readFileSync(wheel)), "wheel");
  pyodide.runPython(readFileSync(script, "utf8"));
  process.stdout.write(pyodide.globals.get("tell")());
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
