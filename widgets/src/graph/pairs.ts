// Numbers for pairs of whole numbers, in the order in which they were first seen. Maps with such keys would spend most of
// a plan's time on boxing them.

export class Pairs {
  size = 0;
  readonly first: number[] = [];
  readonly second: number[] = [];
  private table: Int32Array;
  private mask: number;

  constructor(expected = 16) {
    let room = 32;
    while (room < 2 * expected) room *= 2;
    this.table = new Int32Array(room).fill(-1);
    this.mask = room - 1;
  }

  /** The number of a pair; a pair that was not seen before gets the next one. */
  at(a: number, b: number): number {
    let k = this.slot(a, b);
    const known = this.table[k]!;
    if (known >= 0) return known;
    if (2 * this.size > this.mask) {
      this.grow();
      k = this.slot(a, b);
    }
    this.first.push(a);
    this.second.push(b);
    return (this.table[k] = this.size++);
  }

  /** Whether this is the first time that it is seen. */
  add(a: number, b: number): boolean {
    const before = this.size;
    return this.at(a, b) === before && this.size > before;
  }

  has(a: number, b: number): boolean {
    return this.table[this.slot(a, b)]! >= 0;
  }

  private slot(a: number, b: number): number {
    let k = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
    k = (k ^ (k >>> 15)) & this.mask;
    for (;;) {
      const known = this.table[k]!;
      if (known < 0 || (this.first[known] === a && this.second[known] === b)) return k;
      k = (k + 1) & this.mask;
    }
  }

  private grow(): void {
    this.mask = 2 * this.mask + 1;
    this.table = new Int32Array(this.mask + 1).fill(-1);
    for (let i = 0; i < this.size; i++) this.table[this.slot(this.first[i]!, this.second[i]!)] = i;
  }
}
