/**
 * Decides from one person's held-back events how much of a learnt patch is kept. The gain on the few events has to be clearly above zero;
 * the intercept has a strength of its own, because it gains so much that it would hide what the rest does.
 */

/** The strengths to choose from, of the intercept and of the rest; the first is the starting point itself. */
export const STRENGTHS = [[0, 0], [0.5, 0], [1, 0], [1, 0.25], [1, 0.5], [1, 0.75], [1, 1]];

/** Moves from one patch towards another. */
export function applyStrength(start, learnt, strength) {
  return start.map((value, k) => value + STRENGTHS[strength][k === 0 ? 0 : 1] * (learnt[k] - value));
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
