// The cells, one step of each: the equations of gluon_gru/models/scratch.py. A token or a vector X
// comes in, and a state of vectors; a new state comes out, and the gates at this step. Each gate (or
// candidate) has matrices W_x and W_h, row by row, and biases b_x and b_h, all Float32Array.

const sigmoid = x => x.map(value => 1 / (1 + Math.exp(-value)));
const tanh = x => x.map(Math.tanh);
const relu = x => x.map(value => Math.max(value, 0));
const plus = (x, y) => x.map((value, i) => value + y[i]);
const times = (x, y) => x.map((value, i) => value * y[i]);
const between = (Z, x, y) => Z.map((z, i) => z * x[i] + (1 - z) * y[i]);

// W . X + b. A token X, a number, is a vector of zeros with a 1 at its place: it picks a column.
const affine = (W, X, b) => {
  const result = new Float32Array(b.length);
  const columns = W.length / b.length;
  for (let i = 0; i < b.length; i++) {
    let sum = b[i];
    if (typeof X === "number") sum += W[i * columns + X];
    else for (let j = 0; j < columns; j++) sum += W[i * columns + j] * X[j];
    result[i] = sum;
  }
  return result;
};

// W_x . X + b_x + W_h . H + b_h
const linear = (gate, X, H) => plus(affine(gate.W_x, X, gate.b_x), affine(gate.W_h, H, gate.b_h));

const CELLS = {
  rnn_tanh: ({ hidden }, X, [H]) => ({ state: [tanh(linear(hidden, X, H))], gates: {} }),

  rnn_relu: ({ hidden }, X, [H]) => ({ state: [relu(linear(hidden, X, H))], gates: {} }),

  gru_before: ({ update, reset, candidate }, X, [H]) => {
    const Z = sigmoid(linear(update, X, H));
    const R = sigmoid(linear(reset, X, H));
    const proposed = tanh(linear(candidate, X, times(R, H)));
    return { state: [between(Z, H, proposed)], gates: { update: Z, reset: R } };
  },

  gru_after: ({ update, reset, candidate }, X, [H]) => {
    const Z = sigmoid(linear(update, X, H));
    const R = sigmoid(linear(reset, X, H));
    const { W_x, b_x, W_h, b_h } = candidate;
    const proposed = tanh(plus(affine(W_x, X, b_x), times(R, affine(W_h, H, b_h))));
    return { state: [between(Z, H, proposed)], gates: { update: Z, reset: R } };
  },

  lstm: ({ input, forget, output, candidate }, X, [H, C]) => {
    const I = sigmoid(linear(input, X, H));
    const F = sigmoid(linear(forget, X, H));
    const O = sigmoid(linear(output, X, H));
    const proposed = tanh(linear(candidate, X, H));
    const memory = plus(times(F, C), times(I, proposed));
    return { state: [times(O, tanh(memory)), memory], gates: { input: I, forget: F, output: O } };
  },

  reset_only: ({ reset, candidate }, X, [H]) => {
    const R = sigmoid(linear(reset, X, H));
    return { state: [tanh(linear(candidate, X, times(R, H)))], gates: { reset: R } };
  },

  update_only: ({ update, candidate }, X, [H]) => {
    const Z = sigmoid(linear(update, X, H));
    return { state: [between(Z, H, tanh(linear(candidate, X, H)))], gates: { update: Z } };
  },
};

// The whole model. A state has those of each layer, lowest first; of an LSTM, H and C.
class Model {
  // Facts: cell, gates, num_layers, num_hiddens, vocab; numbers: all weights, as `numbersOf` says.
  constructor({ cell, gates, num_layers, num_hiddens, vocab }, numbers) {
    let at = 0;
    const take = size => numbers.subarray(at, at += size);
    this.cell = CELLS[cell];
    this.layers = [];
    for (let layer = 0; layer < num_layers; layer++) {
      const inputs = layer ? num_hiddens : vocab.length;
      this.layers.push(Object.fromEntries(gates.map(gate => [gate, {
        W_x: take(num_hiddens * inputs),
        W_h: take(num_hiddens * num_hiddens),
        b_x: take(num_hiddens),
        b_h: take(num_hiddens),
      }])));
    }
    this.W_q = take(vocab.length * num_hiddens);
    this.b_q = take(vocab.length);
    const zeros = () => new Float32Array(num_hiddens);
    this.zeros = this.layers.map(() => cell === "lstm" ? [zeros(), zeros()] : [zeros()]);
  }

  // One token more: the new state, and the gates of each layer.
  step(token, state) {
    let X = token;
    const steps = this.layers.map((weights, layer) => {
      const done = this.cell(weights, X, state[layer]);
      [X] = done.state;
      return done;
    });
    return { state: steps.map(done => done.state), gates: steps.map(done => done.gates) };
  }

  // Of the next token, after a state: O_t = H_t . W_hq + b_q of the highest layer.
  logits(state) {
    return affine(this.W_q, state[state.length - 1][0], this.b_q);
  }
}
