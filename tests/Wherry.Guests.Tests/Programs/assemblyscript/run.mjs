// Runs the AssemblyScript program on V8: run.mjs PROGRAM.wasm
import { readFileSync } from 'node:fs';

let memory;
const lines = [];
const utf16 = (pointer) => new TextDecoder('utf-16le').decode(new Uint8Array(memory.buffer, pointer, new Uint32Array(memory.buffer)[(pointer - 4) >>> 2]));
const env = {
    print: (pointer, length) => lines.push(new TextDecoder().decode(new Uint8Array(memory.buffer, pointer, length))),
    abort: (message, file, line, column) => { throw new Error(`${utf16(message)} at ${utf16(file)}:${line}:${column}`); },
};
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(process.argv[2])), { env });
memory = exports.memory;
exports.main();
for (const index of [1, 3, 7]) {
    try {
        lines.push(`${index}: ${exports.fail(index)}`);
    } catch (error) {
        lines.push(`${index}: ${error.message}`);
    }
}

console.log(lines.join('\n'));
