// What AssemblyScript brings along, used by one program: its own garbage collector in linear memory, strings, arrays, maps, sets, classes with virtual methods,
// interfaces, closures without captures, generics, 64-bit numbers, typed arrays, StaticArray and Math.

@external("env", "print")
declare function printBytes(pointer: usize, length: i32): void;

function print(text: string): void {
  const bytes = String.UTF8.encode(text);
  printBytes(changetype<usize>(bytes), bytes.byteLength);
}

abstract class Animal {
  constructor(public name: string, public age: i32) {}
  abstract sound(): string;
  describe(): string {
    return this.name + " (" + this.age.toString() + ") says " + this.sound();
  }
}

class Dog extends Animal {
  sound(): string { return "woof"; }
}

class Cat extends Animal {
  sound(): string { return "meow"; }
  describe(): string { return super.describe() + ", quietly"; }
}

interface Weighted { weight(): f64; }

class Stone implements Weighted {
  constructor(public grams: i64) {}
  weight(): f64 { return <f64>this.grams / 1000.0; }
}

class Feather implements Weighted {
  weight(): f64 { return 0.0001; }
}

class Node<T> {
  next: Node<T> | null = null;
  previous: Node<T> | null = null;
  constructor(public value: T) {}
}

// Doubly linked: cycles for the collector.
class Ring<T> {
  first: Node<T> | null = null;
  length: i32 = 0;
  add(value: T): void {
    const node = new Node<T>(value);
    const first = this.first;
    if (first === null) {
      node.next = node;
      node.previous = node;
      this.first = node;
    } else {
      const last = first.previous!;
      last.next = node;
      node.previous = last;
      node.next = first;
      first.previous = node;
    }
    this.length++;
  }
  reduce<S>(f: (sum: S, value: T) => S, start: S): S {
    let sum = start, node = this.first;
    for (let i = 0; i < this.length; i++) {
      sum = f(sum, node!.value);
      node = node!.next;
    }
    return sum;
  }
}

function animals(): void {
  const all: Animal[] = [new Dog("Rex", 3), new Cat("Misty", 9), new Dog("Ünal", 12)];
  all.sort((a, b) => b.age - a.age);
  for (let i = 0; i < all.length; i++) print(all[i].describe());
  const things: Weighted[] = [new Stone(2500), new Feather(), new Stone(12)];
  let sum = 0.0;
  for (let i = 0; i < things.length; i++) sum += things[i].weight();
  print("weight " + sum.toString() + ", stones " + things.filter(thing => thing instanceof Stone).length.toString());
}

function words(): void {
  const text = "the quick brown fox jumps over the lazy dog while the Fox, naïve and größer, sleeps 🦊";
  const counts = new Map<string, i32>();
  const parts = text.toLowerCase().split(" ");
  for (let i = 0; i < parts.length; i++) {
    const word = parts[i].replace(",", "");
    counts.set(word, (counts.has(word) ? counts.get(word) : 0) + 1);
  }
  const keys = counts.keys();
  keys.sort((a, b) => counts_compare(a, b));
  print(keys.map<string>(key => key.length.toString() + key.charAt(0).toUpperCase() + key.substring(1)).join(" "));
  print("the: " + counts.get("the").toString() + ", fox: " + counts.get("fox").toString() + ", at " + text.indexOf("lazy").toString() + ", code point "
    + text.codePointAt(text.length - 2).toString(16));
}

function counts_compare(a: string, b: string): i32 {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Rings are dropped as fast as they are made: without the collector this would need some 700 MB.
function rings(): void {
  let check: u64 = 0;
  for (let round = 0; round < 3000; round++) {
    const ring = new Ring<string>();
    for (let i = 0; i < 40; i++) ring.add("ring " + round.toString() + "." + i.toString());
    check = check * 31 + ring.reduce<u64>((sum, value) => sum * 131 + <u64>value.length + <u64>value.charCodeAt(value.length - 1), 7);
  }
  print("rings " + check.toString() + ", memory below 4 MB: " + (memory.size() < 64).toString());
}

function numbers(): void {
  print([0.1 + 0.2, 1e21, -0.0, 1 / 3.0, Math.PI * 1e-7, f64.MAX_VALUE, NaN, Infinity, <f64>i64.MIN_VALUE].join(" "));
  print(Math.sin(1).toString() + " " + Math.pow(2, 0.5).toString() + " " + Math.log10(2).toString() + " " + Math.imul(0x7fffffff, 3).toString() + " " + Math.hypot(3, 4).toString());
  print(parseFloat("3.25e-3").toString() + " " + parseInt("ff", 16).toString() + " " + I64.parseInt("-9223372036854775808").toString());
  const bytes = new Uint8Array(256);
  for (let i = 0; i < bytes.length; i++) bytes[i] = <u8>(i * 7);
  let crc: u32 = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & (-(crc & 1)));
  }
  print("crc " + (~crc).toString(16));
  const fixed = StaticArray.fromArray<f64>([3, 1, 2]);
  fixed.sort();
  print(fixed.join("<") + " " + bytes.subarray(250).join(","));
}

function sets(): void {
  const seen = new Set<i64>();
  let value: i64 = 27, steps = 0;
  while (value != 1) {
    seen.add(value);
    value = value % 2 == 0 ? value / 2 : value * 3 + 1;
    steps++;
  }
  let largest: i64 = 0;
  const values = seen.values();
  for (let i = 0; i < values.length; i++) largest = max(largest, values[i]);
  print("27 takes " + steps.toString() + " steps over " + seen.size.toString() + " numbers up to " + largest.toString());
}

export function main(): void {
  animals();
  words();
  rings();
  numbers();
  sets();
}

// AssemblyScript's exceptions end the program: an error thrown is abort() with the message and the place.
export function fail(index: i32): i32 {
  const array: i32[] = [1, 2, 3];
  if (index == 7) throw new Error("seven is not allowed");
  return array[index];
}
