// Runs modules in V8. Each line of input is a request in JSON, each line of output the answer: a list of lines in the form that Outcome.cs has too.
'use strict';
const crypto = require('crypto');
const readline = require('readline');

const traps = [
  [/unreachable/, 'unreachable'],
  [/memory access out of bounds|data segment/, 'memory'],
  [/table index is out of bounds|table access|element segment|table.* out of bounds/, 'table'],
  [/null function/, 'signature'],
  [/function signature mismatch/, 'signature'],
  [/divide by zero|remainder by zero/, 'zero'],
  [/divide result unrepresentable|float unrepresentable/, 'number'],
  [/null pointer|rethrowing null/, 'null'],
  [/illegal cast/, 'cast'],
  [/array element access out of bounds|array index out of bounds/, 'array'],
  [/array is too large|Out of memory|Array buffer allocation|could not allocate/i, 'resources'],
  [/unaligned/, 'unaligned'],
  [/Atomics.wait/, 'wait'],
  [/call stack size exceeded/, 'stack'],
];

const scratch = new DataView(new ArrayBuffer(8));
const hosts = new Map();

function host(number) {
  if (!hosts.has(number)) {
    hosts.set(number, { number });
  }
  return hosts.get(number);
}

function argument(text) {
  if (text === 'null') {
    return null;
  }
  const at = text.indexOf(':');
  const value = text.slice(at + 1);
  switch (text.slice(0, at)) {
    case 'i64':
      return BigInt(value);
    case 'f32':
      scratch.setUint32(0, parseInt(value, 16));
      return scratch.getFloat32(0);
    case 'f64':
      scratch.setBigUint64(0, BigInt('0x' + value));
      return scratch.getFloat64(0);
    case 'ext':
      return host(Number(value));
    default:
      return Number(value);
  }
}

function show(value, type) {
  switch (type) {
    case 'i32':
    case 'i64':
      return `${type}:${value}`;
    case 'f32':
      scratch.setFloat32(0, value);
      return 'f32:' + (Number.isNaN(value) ? 'nan' : scratch.getUint32(0).toString(16).padStart(8, '0'));
    case 'f64':
      scratch.setFloat64(0, value);
      return 'f64:' + (Number.isNaN(value) ? 'nan' : scratch.getBigUint64(0).toString(16).padStart(16, '0'));
    default:
      return showReference(value);
  }
}

function showReference(value) {
  if (value === null || value === undefined) {
    return 'null';
  }
  if (typeof value === 'number') {
    return `i31:${value}`;
  }
  if (typeof value === 'function') {
    return 'func';
  }
  return hosts.get(value.number) === value ? `ext:${value.number}` : 'obj';
}

function failure(error, exports) {
  if (error instanceof WebAssembly.Exception) {
    for (const [name, value] of Object.entries(exports)) {
      if (value instanceof WebAssembly.Tag && error.is(value)) {
        return `exception ${name}`;
      }
    }
    return 'exception';
  }
  for (const [pattern, kind] of traps) {
    if (pattern.test(error.message)) {
      return `trap ${kind}`;
    }
  }
  return `error ${error}`;
}

function* run(request) {
  const bytes = Buffer.from(request.wasm, 'base64');
  let module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (error) {
    yield `refused ${error.message}`;
    return;
  }
  let instance;
  try {
    instance = new WebAssembly.Instance(module, {});
  } catch (error) {
    yield `start: ${failure(error, {})}`;
    return;
  }
  const exports = instance.exports;
  for (const call of request.calls) {
    try {
      const result = exports[call.n](...call.a.map(argument));
      const results = call.r.length === 0 ? [] : call.r.length === 1 ? [result] : result;
      yield `${call.n}: ${call.r.map((type, i) => show(results[i], type)).join(' ')}`;
    } catch (error) {
      yield `${call.n}: ${failure(error, exports)}`;
    }
  }
  for (const name of request.memories) {
    const bytes = new Uint8Array(exports[name].buffer);
    if (name === request.coverage) {
      const covered = [];
      bytes.forEach((value, index) => value && covered.push(index));
      yield `covered ${covered.join(' ')}`;
    } else {
      yield `${name}: ${bytes.length} ${crypto.createHash('md5').update(Buffer.from(bytes)).digest('hex')}`;
    }
  }
  for (const global of request.globals) {
    yield `${global.n}: ${show(exports[global.n].value, global.t)}`;
  }
  for (const name of request.tables) {
    const table = exports[name];
    const size = Number(table.length);
    const wide = request.wideTables.includes(name);
    const elements = [];
    for (let i = 0; i < Math.min(size, 64); i++) {
      elements.push(showReference(table.get(wide ? BigInt(i) : i)));
    }
    yield `${name}: ${size} ${elements.join(' ')}`;
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  let answer;
  try {
    answer = [...run(JSON.parse(line))];
  } catch (error) {
    answer = [`failed ${error.stack}`];
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
});
