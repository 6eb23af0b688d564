/**
 * Learns one person's patch through the exported step graph, and judges it on the person's held-back events: the objective, steps and
 * samples of DevicePersonalizer in DCCL.ML.
 */

import { NegativeSampler } from "./events.js";
import { STRENGTHS, applyStrength, chooseStrength, crossEntropy, fitIntercept, placeOfFirst } from "./gate.js";
import { SeededRandom } from "./random.js";

/** The number of candidates that are encoded at once, over all events: results stay in a core's cache. */
const CANDIDATES_IN_BATCH = 50;

/** How to learn; the defaults are those of DevicePersonalizerOptions in DCCL.ML, which says what each does. */
export const DEFAULT_OPTIONS = Object.freeze({
  numberOfSteps: 20,
  learningRate: 0.1,
  l2: 60,
  interceptL2: 2,
  numberOfNegatives: 4,
  negativePoolSize: 8,
  gateFraction: 0.2,
  gateStandardErrors: 0.5,
  numberOfRankedItems: 100,
  minimumNumberOfEvents: 10,
  seed: 1,
});

/**
 * What a patch learns from, encoded once by the scoring graph: for each event its own item, then its negatives.
 * @typedef {{numberOfEvents: number, perEvent: number, width: number, activation: Float32Array, offset: Float32Array, label: Float32Array, weight: Float32Array}} Samples
 */

export class Learner {
  #model;
  #step;
  #options;

  /**
   * @param {import("./model.js").Model} model The exported model.
   * @param {(feeds: object, outputs: string[]) => Promise<object>} step Runs the step graph.
   * @param {typeof DEFAULT_OPTIONS} options How to learn.
   */
  constructor(model, step, options) {
    this.#model = model;
    this.#step = step;
    this.#options = options;
  }

  /**
   * Learns. The events are divided into blocks; each block is judged by the patch that the others teach. So every event says whether
   * patches help this person, none of them to a patch that it taught.
   * @param {import("./events.js").TrainingEvents} events
   * @param {Float32Array} start The patch to start from and to stay near.
   * @param {{signal?: AbortSignal, onProgress?: (share: number) => void}} run
   * @returns {Promise<{patch: Float32Array, gain: number}>} The patch, the start itself if patches do not help; and the mean gain on the held-back events.
   */
  async learn(events, start, { signal, onProgress } = {}) {
    const sampler = events.hasLabels ? null : new NegativeSampler(events.items, this.#model.numberOfItems);
    if (sampler?.isEmpty) {
      return { patch: start, gain: 0 }; // who has had every item has nothing to choose from
    }

    const random = new SeededRandom(this.#options.seed);
    const samples = await this.#encode(events, sampler, this.#options.negativePoolSize, random, signal);
    const ranked = sampler ? await this.#encode(events, sampler, this.#options.numberOfRankedItems, random.fork(1), signal) : samples;
    const values = STRENGTHS.map(() => new Array(events.count).fill(0));
    const blocks = Math.min(Math.max(Math.round(1 / this.#options.gateFraction), 2), events.count);
    for (let block = 0; block < blocks; block++) {
      onProgress?.((block + 1) / (blocks + 2));
      const first = Math.floor((events.count * block) / blocks);
      const end = Math.floor((events.count * (block + 1)) / blocks);
      const support = withoutWeight(samples, first, end);
      const learnt = await this.#solve(support, start, signal);
      const heldBack = slice(ranked, first, end);
      for (const [strength, patch] of (await this.#applyAll(support, start, learnt)).entries()) {
        (await this.#judge(heldBack, patch)).forEach((value, i) => {
          values[strength][first + i] = value;
        });
      }
    }

    onProgress?.((blocks + 1) / (blocks + 2));
    const gains = values.map((own) => own.map((value, i) => value - values[0][i]));
    const { strength, gain } = chooseStrength(gains, this.#options.gateStandardErrors);
    return strength === 0 ? { patch: start, gain: 0 } : { patch: (await this.#applyAll(samples, start, await this.#solve(samples, start, signal)))[strength], gain };
  }

  // The patch of each strength; on labelled events, which say how often the owner likes something, with the intercept that fits it.
  async #applyAll(samples, start, learnt) {
    const patches = STRENGTHS.map((_, strength) => applyStrength(start, learnt, strength));
    let fitted = start[0];
    for (let strength = 1; strength < patches.length && samples.perEvent === 1; strength++) {
      const [intercept, others] = STRENGTHS[strength];
      if (strength === 1 || others !== STRENGTHS[strength - 1][1]) {
        await this.#fitIntercept(samples, patches[strength], start[0]);
        fitted = patches[strength][0];
      }

      patches[strength][0] = start[0] + intercept * (fitted - start[0]);
    }

    return patches;
  }

  // Labelled events: the intercept that fits best beside the rest of a patch.
  async #fitIntercept(samples, patch, start) {
    if (samples.perEvent === 1) {
      const rest = Float32Array.from(patch);
      rest[0] = 0;
      patch[0] = fitIntercept(await this.#score(samples, rest), samples.label, samples.weight, start, this.#options.interceptL2);
    }
  }

  /** Runs the steps of Adam; on labelled events each with the intercept that fits best there. */
  async #solve(samples, start, signal) {
    const { numberOfSteps, learningRate } = this.#options;
    let patch = Float32Array.from(start);
    let first = new Float32Array(start.length);
    let second = new Float32Array(start.length);
    for (let step = 1; step <= numberOfSteps && samples.label.length > 0; step++) {
      signal?.throwIfAborted();
      await this.#fitIntercept(samples, patch, start[0]);
      const rate = learningRate * 0.5 * (1 + Math.cos((Math.PI * (step - 1)) / numberOfSteps));
      const outputs = await this.#step(
        this.#feeds(samples, patch, start, first, second, step, rate),
        ["next_patch", "next_first_moment", "next_second_moment"]);
      patch = outputs.next_patch.data.slice();
      first = outputs.next_first_moment.data.slice();
      second = outputs.next_second_moment.data.slice();
    }

    await this.#fitIntercept(samples, patch, start[0]);
    return patch.every(Number.isFinite) ? patch : start; // a diverged patch is none
  }

  /** Computes what the patches of all steps share. @returns {Promise<Samples>} */
  async #encode(events, sampler, pool, random, signal) {
    const perEvent = sampler ? 1 + pool : 1;
    const rows = Math.max(1, Math.floor(CANDIDATES_IN_BATCH / perEvent));
    const parts = [];
    for (let begin = 0; begin < events.count; begin += rows) {
      signal?.throwIfAborted();
      const indices = Array.from({ length: Math.min(rows, events.count - begin) }, (_, i) => begin + i);
      const items = indices.map((index) => [events.item(index), ...Array.from({ length: perEvent - 1 }, () => sampler.sample(random))]);
      parts.push(await this.#model.encode(items, indices.map((index) => events.history(index, this.#model.historyLength))));
    }

    const count = events.count * perEvent;
    const isOwn = (i) => i % perEvent === 0;
    return {
      numberOfEvents: events.count,
      perEvent,
      width: parts[0].activation.length / parts[0].offset.length,
      activation: concatenate(parts.map((part) => part.activation)),
      offset: concatenate(parts.map((part) => part.offset)),
      label: Float32Array.from({ length: count }, (_, i) => (isOwn(i) && events.label(i / perEvent) ? 1 : 0)),
      weight: Float32Array.from({ length: count }, (_, i) => (isOwn(i) ? 1 : this.#options.numberOfNegatives / (perEvent - 1))),
    };
  }

  // What each held-back event is worth under a patch: less cross-entropy, or its place among items that the owner has not had.
  async #judge(heldBack, patch) {
    const { numberOfEvents, perEvent, label } = heldBack;
    const scores = await this.#score(heldBack, patch);
    return Array.from({ length: numberOfEvents }, (_, i) => (
      perEvent === 1 ? -crossEntropy(scores[i], label[i]) : placeOfFirst(scores.subarray(i * perEvent, (i + 1) * perEvent))));
  }

  async #score(samples, patch) {
    const zeros = new Float32Array(patch.length);
    const { score } = await this.#step(this.#feeds(samples, patch, patch, zeros, zeros, 1, 0), ["score"]);
    return score.data.slice();
  }

  #feeds(samples, patch, start, first, second, step, rate) {
    const float = (values, ...dimensions) => this.#model.floats(Float32Array.from(values), dimensions);
    const count = samples.label.length;
    return {
      activation: this.#model.floats(samples.activation, [count, samples.width]),
      offset: this.#model.floats(samples.offset, [count]),
      label: this.#model.floats(samples.label, [count]),
      weight: this.#model.floats(samples.weight, [count]),
      patch: float(patch, 1, patch.length),
      start: float(start, 1, patch.length),
      first_moment: float(first, 1, patch.length),
      second_moment: float(second, 1, patch.length),
      step: float([step], 1),
      learning_rate: float([rate], 1),
      l2: float([this.#options.l2], 1),
      intercept_l2: float([this.#options.interceptL2], 1),
    };
  }
}

/** The samples of some events that follow each other. */
function slice(samples, firstEvent, endEvent) {
  const [first, end] = [firstEvent * samples.perEvent, endEvent * samples.perEvent];
  return {
    ...samples,
    numberOfEvents: endEvent - firstEvent,
    activation: samples.activation.slice(first * samples.width, end * samples.width),
    offset: samples.offset.slice(first, end),
    label: samples.label.slice(first, end),
    weight: samples.weight.slice(first, end),
  };
}

/** All samples, some events among them of no weight. */
function withoutWeight(samples, firstEvent, endEvent) {
  const weight = samples.weight.slice();
  weight.fill(0, firstEvent * samples.perEvent, endEvent * samples.perEvent);
  return { ...samples, weight };
}

function concatenate(parts) {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }

  return result;
}
