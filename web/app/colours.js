// Colours for code: a small lexer that knows comments, strings, numbers and the words of a family of languages. It goes
// through a text once, and what it does not know stays plain.

/** Longer code stays plain: nobody reads it here, and each colour is an element. */
const LONGEST = 20_000;

const words = (text) => new Set(text.split(" "));

const C = words(
  "abstract as async await bool boolean break byte case catch char class const continue crate def default defer delete do double dyn " +
    "else enum export extends extern false final finally float fn for foreach from fun func function get go guard if impl implements " +
    "import in instanceof int interface internal is let long loop match mod module move mut namespace new nil null nullptr object of " +
    "override package private protected pub public readonly ref return select self set short signed sizeof static string struct super " +
    "switch this throw throws trait true try type typedef typeof union unless unsafe unsigned use using val var virtual void volatile " +
    "when where while with yield",
);
const SCRIPT = words(
  "alias and as assert async await begin break case class continue def del do done elif else elsif end ensure esac except exit export " +
    "False false fi finally for from function global if import in is lambda let local match module next nil None nonlocal not null or " +
    "pass raise redo require rescue return self set shift source then True true try unless until when while with yield",
);
const QUERY = words(
  "add all alter and any as asc avg begin between by case cast check coalesce column commit conflict constraint count create cross " +
    "database default delete desc distinct do drop else end except exists explain false foreign from full function group having if in " +
    "index inner insert intersect into is join key left like limit max min natural not null offset on or order outer over partition " +
    "primary procedure references replace returning right rollback row select set sum table then transaction trigger true union unique " +
    "update using values view when where while window with",
);
const MARKUP = words("");
const STYLE = words("important media supports import keyframes layer container from to and not only");

const NUMBER = String.raw`(?<number>\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\w*)`;
const WORD = String.raw`(?<word>[A-Za-z_$][\w$-]*)`;
const PLAIN_WORD = String.raw`(?<word>[A-Za-z_$][\w$]*)`;
const QUOTED = String.raw`"(?:[^"\\\n]|\\[^])*"?`;
const SINGLE = String.raw`'(?:[^'\\\n]|\\[^])*'?`;
// In Rust a lifetime begins like a character.
const CHARACTER = String.raw`'(?:[^'\\\n]|\\[^\n'][^\n']{0,9}|\\')'`;
const TICKED = "`(?:[^`\\\\]|\\\\[^])*`?";
const BLOCK = String.raw`\/\*[^]*?(?:\*\/|$)`;

const lexer = (comment, string, word = PLAIN_WORD) =>
  new RegExp(`(?<comment>${comment})|(?<string>${string})|${NUMBER}|${word}`, "g");

const FAMILIES = {
  c: [lexer(String.raw`\/\/[^\n]*|${BLOCK}`, `${QUOTED}|${SINGLE}|${TICKED}`), C],
  rust: [lexer(String.raw`\/\/[^\n]*|${BLOCK}`, `${QUOTED}|${CHARACTER}`), C],
  script: [lexer(String.raw`#[^\n]*`, `"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|${QUOTED}|${SINGLE}`), SCRIPT],
  query: [lexer(`--[^\\n]*|${BLOCK}`, `${QUOTED}|${SINGLE}`), QUERY],
  markup: [lexer("<!--[^]*?(?:-->|$)", `${QUOTED}|${SINGLE}`, String.raw`(?<tag><\/?[A-Za-z][\w:-]*)|${WORD}`), MARKUP],
  style: [lexer(BLOCK, `${QUOTED}|${SINGLE}`, WORD), STYLE],
};

const LANGUAGES = new Map(
  Object.entries({
    c: "c h cpp c++ cc hpp cs csharp c# java javascript js jsx mjs typescript ts tsx kotlin kt scala swift go golang dart php json json5 " +
      "jsonc groovy objc objective-c proto zig solidity",
    rust: "rust rs",
    script: "python py python3 bash sh shell zsh console ruby rb yaml yml toml ini perl pl r makefile make dockerfile docker elixir ex " +
      "julia jl nix powershell ps1 conf properties graphql",
    query: "sql postgres postgresql pgsql mysql sqlite plsql lua haskell hs elm ada",
    markup: "html xml svg xhtml vue svelte",
    style: "css scss sass less",
  }).flatMap(([family, names]) => names.split(" ").map((name) => [name, family])),
);

/** Code as a fragment in which what is known has a class. */
export function colour(text, language = "") {
  const made = document.createDocumentFragment();
  const family = LANGUAGES.get(language.toLowerCase());
  if (!family || text.length > LONGEST) {
    made.append(text);
    return made;
  }
  let done = 0;
  for (const { kind, from, to } of marks(text, ...FAMILIES[family])) {
    if (from > done) made.append(text.slice(done, from));
    const span = document.createElement("span");
    span.className = `code-${kind}`;
    span.textContent = text.slice(from, to);
    made.append(span);
    done = to;
  }
  if (done < text.length) made.append(text.slice(done));
  return made;
}

/** Where in a text something begins and ends that is to be coloured. */
function* marks(text, pattern, known) {
  for (const match of text.matchAll(pattern)) {
    const { comment, string, number, word } = match.groups;
    const [from, to] = [match.index, match.index + match[0].length];
    const isKnown = word !== undefined && known.has(known === QUERY ? word.toLowerCase() : word);
    if (comment !== undefined) yield { kind: "comment", from, to };
    else if (string !== undefined) yield { kind: "string", from, to };
    else if (number !== undefined) yield { kind: "number", from, to };
    else if (isKnown || match.groups.tag !== undefined) yield { kind: "word", from, to };
  }
}
