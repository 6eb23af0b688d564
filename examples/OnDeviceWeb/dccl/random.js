/**
 * A random number generator whose numbers depend on its seed alone: xoshiro256** (Blackman and Vigna), its state filled by SplitMix64.
 * It gives the numbers of SeededRandom in DCCL.ML, so that a patch learnt here is the patch learnt there.
 */

const MASK = (1n << 64n) - 1n;

const rotateLeft = (value, bits) => ((value << bits) | (value >> (64n - bits))) & MASK;

/** One step of SplitMix64. @returns {[bigint, bigint]} The next state, and the number. */
function splitMix(state) {
  const next = (state + 0x9e3779b97f4a7c15n) & MASK;
  let mixed = ((next ^ (next >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return [next, mixed ^ (mixed >> 31n)];
}

export class SeededRandom {
  #seed;
  #state = [];

  /** @param {number | bigint} seed An integer of 32 bits; 64 as a bigint. */
  constructor(seed) {
    this.#seed = typeof seed === "bigint" ? seed & MASK : BigInt(seed >>> 0);
    let state = this.#seed;
    for (let i = 0; i < 4; i++) {
      [state, this.#state[i]] = splitMix(state);
    }
  }

  /** @returns {bigint} 64 random bits. */
  nextBits() {
    const s = this.#state;
    const result = (rotateLeft((s[1] * 5n) & MASK, 7n) * 9n) & MASK;
    const shifted = (s[1] << 17n) & MASK;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 45n);
    return result;
  }

  /** @returns {number} An integer from 0 to below the given one, which is at least 1 and has at most 31 bits. */
  next(exclusiveMaximum) {
    // Lemire's method: the high half of a product, after refusing the few low halves that would favour some results.
    const range = BigInt(exclusiveMaximum);
    const threshold = ((1n << 32n) - range) % range;
    for (;;) {
      const product = (this.nextBits() >> 32n) * range;
      if ((product & 0xffffffffn) >= threshold) {
        return Number(product >> 32n);
      }
    }
  }

  /** @returns {SeededRandom} A generator that depends on this one's seed and on the number, not on what has been drawn so far. */
  fork(stream) {
    const [, first] = splitMix(this.#seed);
    const [, mixed] = splitMix(first ^ BigInt(stream));
    return new SeededRandom(mixed ^ rotateLeft(first, 32n));
  }
}
