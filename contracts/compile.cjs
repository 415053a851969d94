// Runs the compiler for build.py: standard JSON input on stdin, standard JSON output on stdout.
// Imports from packages are read from node_modules; nothing else is read.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

function readImport(name) {
  if (!name.startsWith("@openzeppelin/contracts/") || name.includes("..")) {
    return { error: `not an import of ours: ${name}` };
  }
  try {
    return { contents: fs.readFileSync(path.join(__dirname, "node_modules", name), "utf8") };
  } catch (error) {
    return { error: String(error) };
  }
}

const input = fs.readFileSync(0, "utf8");
process.stdout.write(solc.compile(input, { import: readImport }));
