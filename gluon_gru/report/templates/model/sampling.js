// What a model predicts, and tokens drawn from it.

// Of each token, the probability as the logits have it.
const probabilities = logits => {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const chances = new Float64Array(logits).map(logit => Math.exp(logit - most));
  const sum = chances.reduce((a, b) => a + b, 0);
  return chances.map(chance => chance / sum);
};

// -log2 of a token's probability.
const surprise = (logits, token) => {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return (Math.log(sum) + most - logits[token]) / Math.LN2;
};

// mulberry32 (Tommy Ettinger, 2017): numbers from 0 to 1, without 1, that follow from a seed below
// 2 ** 32.
const mulberry32 = seed => () => {
  seed = seed + 0x6D2B79F5 | 0;
  let t = Math.imul(seed ^ seed >>> 15, seed | 1);
  t ^= t + Math.imul(t ^ t >>> 7, t | 61);
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
};

// The tokens from the likeliest down; of equal ones the first in the vocabulary first.
const ranked = values => [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);

// A token drawn from logits, never `unk`: from the topK likeliest ones, at a temperature, of which 0
// takes the likeliest. `random` is a generator as mulberry32 returns it.
const sampled = (logits, temperature, topK, random, unk) => {
  const tokens = ranked(logits).filter(token => token !== unk);
  if (temperature === 0) return tokens[0];
  const among = tokens.slice(0, topK);
  const chances = among.map(token => Math.exp((logits[token] - logits[tokens[0]]) / temperature));
  let left = random() * chances.reduce((a, b) => a + b, 0);
  for (let i = 0; i < among.length; i++) {
    left -= chances[i];
    if (left < 0) return among[i];
  }
  return among[among.length - 1];
};
