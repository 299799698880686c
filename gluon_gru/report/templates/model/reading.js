// How a text becomes tokens: the rules of gluon_gru/text/rules.py, which `reading` names.

// What Python's \w and \s are.
const WORD = "[\\p{L}\\p{N}_]";
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
// What belongs to the letter before it, from rule 2 on: marks and what has no shape.
const MARK = "(?!\\u200b)[\\p{M}\\p{Cf}]";
const APOSTROPHE = "['\\u2019]";
const SIGNS = `| ?(?:(?!${WORD}|${SPACE})[^])+|${SPACE}`;
const WORDS = {
  1: ` ?${WORD}+(?:${APOSTROPHE}${WORD}+)*${SIGNS}`,
  2: ` ?${WORD}+(?:(?:${MARK}|\\u05f3)${WORD}*|(?:${APOSTROPHE}|\\u05f4)${WORD}+)*${SIGNS}`,
};

// A text as it would be read from a file. `letters` stands for the book's text: all else is a space.
const readAs = (reading, text) => {
  text = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  if (reading.case === "fold" || reading.letters) text = text.toLowerCase();
  if (reading.letters) {
    return text.replace(/[^a-z]+/g, between => /^ +$/.test(between) ? between : " ");
  }
  return reading.form ? text.normalize(reading.form) : text;
};

// The tokens of such a text; `known` has those of the vocabulary.
const split = (reading, text, known) => {
  if (reading.tokens === "characters") return [...text];
  // A word has the space before it, so one at the end belongs to what comes.
  const words = text.replace(/ +$/, "").match(new RegExp(WORDS[reading.words], "gu")) || [];
  // Nearly all words were learned with a space before them.
  if (words.length && !known.has(words[0]) && known.has(` ${words[0]}`)) words[0] = ` ${words[0]}`;
  return words;
};
