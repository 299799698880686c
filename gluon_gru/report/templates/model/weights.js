// The weights, from base64: of each stage, of each of its layers, gate by gate, W_x, W_h, b_x, b_h;
// then W_q and b_q.

// IEEE 754's half precision: a sign, five bits of exponent, ten of the fraction.
const half = bits => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = bits >> 10 & 31;
  const fraction = bits & 1023;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
};

const numbersOf = (base64, precision) => {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  if (precision === "float32") return new Float32Array(bytes.buffer);
  // Float32Array.from(..., half) goes through an iterator, and takes many times as long.
  return new Float32Array(new Uint16Array(bytes.buffer)).map(half);
};
