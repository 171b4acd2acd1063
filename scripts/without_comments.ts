/**
 * TypeScript text without its comments.
 *
 * @module
 */

// One token at a time: comment, string, template without substitutions, regular
// expression (only where an expression can begin), or any single character.
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const STRING = /"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const WORD = /[\w$]+/y;

// After these an operand follows, so a slash begins a regular expression.
const BEFORE_OPERAND = /^(?:[-+*%&|^!~<>=?:;,([{}]|)$/;
const KEYWORD_BEFORE_OPERAND =
  /^(?:return|typeof|case|in|of|void|delete|throw|new|await|yield|else|do)$/;

/**
 * The text with every comment replaced by a space and its line breaks: what
 * is left stands on the lines it stood on. Strings, templates and regular
 * expressions are kept as they are, whatever they look like.
 */
export function withoutComments(text: string): string {
  let output = "";
  let previous = "";
  let at = 0;
  // Depths of open braces, one for each `${` that is being read.
  const substitutions: number[] = [];
  let inTemplate = false;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const keep = (token: string) => {
    output += token;
    at += token.length;
    if (token.trim() !== "") previous = token;
  };

  while (at < text.length) {
    const char = text.charAt(at);
    if (inTemplate) {
      if (char === "\\") keep(text.slice(at, at + 2));
      else if (text.startsWith("${", at)) {
        keep("${");
        previous = "{";
        substitutions.push(0);
        inTemplate = false;
      } else {
        keep(char);
        inTemplate = char !== "`";
      }
      continue;
    }
    const comment = take(COMMENT);
    if (comment !== undefined) {
      output += " " + comment.replace(/[^\n]/g, "");
      at += comment.length;
      continue;
    }
    const literal = take(STRING) ??
      (BEFORE_OPERAND.test(previous) || KEYWORD_BEFORE_OPERAND.test(previous)
        ? take(REGEXP)
        : undefined) ??
      take(WORD);
    if (literal !== undefined) {
      keep(literal);
      continue;
    }
    const depth = substitutions.at(-1);
    if (char === "`") inTemplate = true;
    else if (depth !== undefined && char === "{") {
      substitutions[substitutions.length - 1] = depth + 1;
    } else if (depth !== undefined && char === "}") {
      if (depth === 0) {
        substitutions.pop();
        inTemplate = true;
      } else substitutions[substitutions.length - 1] = depth - 1;
    }
    keep(char);
  }
  return output;
}
