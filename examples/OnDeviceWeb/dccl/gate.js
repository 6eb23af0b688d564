/**
 * Decides from one person's held-back events how much of a learnt patch is kept. The gain on the few events has to be clearly above zero;
 * the intercept has a strength of its own, because it gains so much that it would hide what the rest does. On labelled events it is fitted to
 * each strength: learnt together with the rest it fits only the whole of it.
 */

/** The strengths to choose from, of the intercept and of the rest; the first is the starting point itself. */
export const STRENGTHS = [[0, 0], [0.5, 0], [1, 0], [1, 0.25], [1, 0.5], [1, 0.75], [1, 1]];

/** Moves from one patch towards another. */
export function applyStrength(start, learnt, strength) {
  return start.map((value, k) => value + STRENGTHS[strength][k === 0 ? 0 : 1] * (learnt[k] - value));
}

const MAXIMUM_NUMBER_OF_NEWTON_STEPS = 100;
const TOLERANCE = 1e-6;

/**
 * Fits an intercept by Newton's method, whose steps of at most 1 never lead further away: the least cross-entropy plus l2 (intercept - start)^2 / 2.
 * @param {ArrayLike<number>} scores Logits without intercept.
 * @param {ArrayLike<number>} labels 0 or 1.
 * @param {ArrayLike<number>} weights The weight of each, at least 0.
 * @param {number} start What the intercept is drawn to.
 * @param {number} l2 How strongly, above 0.
 * @returns {number}
 */
export function fitIntercept(scores, labels, weights, start, l2) {
  let intercept = start;
  for (let i = 0; i < MAXIMUM_NUMBER_OF_NEWTON_STEPS; i++) {
    let slope = l2 * (intercept - start);
    let curvature = l2;
    for (let sample = 0; sample < scores.length; sample++) {
      const probability = 1 / (1 + Math.exp(-(scores[sample] + intercept)));
      slope += weights[sample] * (probability - labels[sample]);
      curvature += weights[sample] * probability * (1 - probability);
    }

    const step = Math.min(Math.max(slope / curvature, -1), 1);
    intercept -= step;
    if (!(Math.abs(step) > TOLERANCE)) {
      break;
    }
  }

  return Math.fround(intercept);
}

/**
 * Chooses the strength.
 * @param {number[][]} gains What each event gains over the starting point under each strength [strengths][events].
 * @param {number} standardErrors How many standard errors above zero the mean gain must be.
 * @returns {{strength: number, gain: number}} The strength whose mean gain less these standard errors is largest, 0 if none is above zero.
 */
export function chooseStrength(gains, standardErrors) {
  let best = { strength: 0, gain: 0, sure: 0 };
  gains.forEach((own, strength) => {
    if (strength === 0 || own.length < 2) {
      return; // one event says nothing of how sure its gain is
    }

    const mean = own.reduce((sum, gain) => sum + gain, 0) / own.length;
    const variance = own.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / (own.length - 1);
    const sure = mean - standardErrors * Math.sqrt(variance / own.length);
    if (sure > best.sure) {
      best = { strength, gain: mean, sure };
    }
  });
  return { strength: best.strength, gain: best.gain };
}

/** The cross-entropy of a logit. */
export const crossEntropy = (logit, label) => Math.max(logit, 0) - logit * label + Math.log(1 + Math.exp(-Math.abs(logit)));

/** 1 / log2(1 + rank) of the first among all; equal scores take the mean rank. */
export function placeOfFirst(scores) {
  let better = 0;
  let equal = 0;
  for (const score of scores.slice(1)) {
    better += score > scores[0] ? 1 : 0;
    equal += score === scores[0] ? 1 : 0;
  }

  return 1 / Math.log2(2 + better + equal / 2);
}
