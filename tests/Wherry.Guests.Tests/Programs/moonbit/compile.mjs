// Compiles a MoonBit program for WasmGC with the compiler that is published for browsers: compile.mjs FOLDER PROGRAM.mbt PROGRAM.wasm
// FOLDER has the packages in its node_modules. The core library's sources are inside of the playground's package; its packages are compiled here first.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, basename, resolve } from 'node:path';
import { runInThisContext } from 'node:vm';

const [, , folder, input, output] = process.argv;
const packages = join(resolve(folder), 'node_modules', '@moonbit');
const target = 'wasm-gc';

// The compiler is a script for a worker: what it would serve by messages is taken directly.
globalThis.require = createRequire(import.meta.url);
const worker = readFileSync(join(packages, 'moonc-worker', 'moonc-worker.js'), 'utf8');
runInThisContext(worker.replace(/([A-Za-z0-9_$]+)\(([A-Za-z0-9_$]+)\);(?=\s*\/\*\*\s*\*\s*@license)/, 'globalThis.moonc=$2;'));
const compiler = globalThis.moonc.default ?? globalThis.moonc;

// Files are strings in base64, assigned by path.
const playground = readFileSync(join(packages, 'moonpad-monaco', 'dist', 'moonpad-monaco.js'), 'utf8');
const strings = new Map();
for (const [, name, text] of playground.matchAll(/[ ,\n]([A-Za-z0-9_$]+) = [A-Za-z0-9_$]+\("([A-Za-z0-9+/=]*)"\)/g)) {
    if (!strings.has(name)) {
        strings.set(name, text);
    }
}

const files = new Map();
for (const [, path, name] of playground.matchAll(/\["(\/lib\/core[^"]+)"\] = ([A-Za-z0-9_$]+);/g)) {
    files.set(path, strings.get(name));
}

const text = (path) => Buffer.from(files.get(path), 'base64').toString('utf8');
const core = new Map(JSON.parse(text('/lib/core/_build/packages.json')).packages.map((unit) => [unit.rel, unit]));
const built = new Map();

function build(name) {
    if (built.has(name)) {
        return built.get(name);
    }

    const unit = core.get(name);
    const direct = unit.deps.map((dependency) => [dependency.path.replace('moonbitlang/core/', ''), dependency.alias]);
    const all = new Map();
    for (const [dependency] of direct) {
        const result = build(dependency);
        result.all.forEach((value, key) => all.set(key, value));
        all.set(dependency, result);
    }

    const aliases = new Map(direct);
    const result = compiler.buildPackage({
        mbtFiles: Object.entries(unit.files)
            .filter(([, file]) => file.backend.includes('WasmGC') && file.optlevel.includes('Release'))
            .map(([path]) => [path, text(path.replace('moonbit-core:', ''))]),
        miFiles: [...all].map(([key, value]) => [`/lib/core/${key}:${aliases.get(key) ?? basename(key)}`, value.interface]),
        indirectImportMiFiles: [], stdMiFiles: [], target, pkg: `moonbitlang/core/${name}`, pkgSources: ['moonbitlang/core:moonbit-core:/lib/core'],
        isMain: false, errorFormat: 'human', enableValueTracing: false, noOpt: false,
    });
    check(result, name);
    const entry = { interface: result.mi, code: result.core, all };
    built.set(name, entry);
    return entry;
}

function check(result, name) {
    if (!result.core) {
        console.error(name, result.diagnostics.join('\n'));
        process.exit(1);
    }
}

for (const name of core.keys()) {
    if (!/test|quickcheck|bench$/.test(name)) {
        build(name);
    }
}

const program = compiler.buildPackage({
    mbtFiles: [[basename(input), readFileSync(input, 'utf8')]], miFiles: [], indirectImportMiFiles: [],
    stdMiFiles: [...built].map(([name, entry]) => [`/lib/core/${name}:${name}`, entry.interface]),
    target, pkg: 'guest', pkgSources: ['guest:guest:/'], isMain: true, errorFormat: 'human', enableValueTracing: false, noOpt: false,
});
check(program, input);
const { result } = compiler.linkCore({
    coreFiles: [...[...built.values()].map((entry) => entry.code), program.core], main: 'guest',
    pkgSources: ['moonbitlang/core:moonbit-core:/lib/core', 'guest:guest:/'], target, exportedFunctions: [], outputFormat: 'wasm',
    testMode: false, debug: false, noOpt: false, sourceMap: false, sources: {}, stopOnMain: false,
});
writeFileSync(output, result);
