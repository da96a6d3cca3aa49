// Shows a handler's source with enough colour to read it: an Erlang tokenizer of one expression.

import { element } from "./format.js";

const TOKENS = new RegExp([
  /(?<comment>%.*)/,
  /(?<string>"(?:\\.|[^"\\])*")/,
  /(?<attribute>^-[a-z_]+)/,
  /(?<macro>\?[A-Za-z_]\w*)/,
  /(?<number>\b\d+(?:#[0-9a-fA-F]+)?\b)/,
  /(?<variable>\b[A-Z_]\w*\b)/,
  /(?<keyword>\b(?:case|of|end|when|fun|if|receive|after|try|catch|begin|div|rem|not|andalso|orelse)\b)/,
  /(?<call>\b[a-z]\w*(?=[(:]))/,
].map((rule) => rule.source).join("|"), "gm");

/** Code as nodes: a span per token that has a colour, text for the rest. */
export function coloured(code) {
  const nodes = [];
  let last = 0;
  for (const match of code.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups).find(([, text]) => text !== undefined);
    nodes.push(code.slice(last, match.index), element("span", kind, match[0]));
    last = match.index + match[0].length;
  }
  nodes.push(code.slice(last));
  return nodes;
}

export class SourceView {
  #pre = document.querySelector("#source");
  #file = document.querySelector("#code-file");
  #tally = document.querySelector("#code-tally");
  #wanted = "";

  async show(module) {
    this.#wanted = module;
    const file = `${module}.erl`;
    this.#file.textContent = file;
    try {
      const response = await fetch(`/source/${file}`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const code = await response.text();
      if (this.#wanted === module) this.#fill(code);
    } catch (error) {
      if (this.#wanted === module) this.#fail(file, error);
    }
  }

  #fill(code) {
    const lines = code.trimEnd().split("\n").length;
    this.#pre.replaceChildren(...coloured(code.trimEnd()));
    this.#pre.scrollTop = 0;
    this.#tally.textContent = `${lines} lines, ${code.match(/farrier/gi)?.length ?? 0} mention farrier`;
  }

  #fail(file, error) {
    this.#pre.replaceChildren(element("span", "comment", `%% ${file} could not be loaded (${error.message}).`));
    this.#tally.textContent = "";
  }
}
