#!/usr/bin/env node
// Runs the compiler: standard JSON input on stdin, standard JSON output on stdout. For build.py, and for forge, which
// asks for the version first. Imports from packages are read from node_modules; nothing else is read.
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

if (process.argv.includes("--version")) {
  process.stdout.write(`Version: ${solc.version()}\n`);
} else {
  const input = fs.readFileSync(0, "utf8");
  process.stdout.write(solc.compile(input, { import: readImport }));
}
