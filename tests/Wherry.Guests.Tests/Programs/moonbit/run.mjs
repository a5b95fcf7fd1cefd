// Runs a MoonBit program on V8: run.mjs PROGRAM.wasm
import { readFileSync } from 'node:fs';

let output = '';
const spectest = { print_char: (character) => { output += String.fromCharCode(character); } };
const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(process.argv[2])), { spectest });
instance.exports._start();
process.stdout.write(output);
