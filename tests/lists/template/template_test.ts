import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import { GoTime } from "../../../src/lists/template/go_time.ts";
import {
  fillTemplate,
  type TemplateValue,
} from "../../../src/lists/template/run_template.ts";

const DATA: TemplateValue = {
  Ref: { Tag: "v1", Repository: "a/b", Registry: "r.io" },
  Sync: { Source: "s:1", Platforms: ["linux/amd64", "linux/arm64"] },
};
const AT = new Date(Date.UTC(2024, 0, 5, 15, 4, 9, 70));

async function fill(text: string): Promise<string> {
  return await fillTemplate(text, DATA, {
    env: (name) => name === "HOME" ? "/root" : undefined,
    readFile: (path) =>
      Promise.resolve(path === "/pass" ? " secret \n" : undefined),
    now: () => AT,
  });
}

const FILLED: readonly [string, string][] = [
  ["plain", "plain"],
  ["{{.Ref.Tag}}", "v1"],
  ["bkup-{{ .Ref.Tag }}", "bkup-v1"],
  ["{{ upper .Ref.Tag }}{{ .Ref.Tag | upper | lower }}", "V1v1"],
  ['{{ env "HOME" }}|{{ env "NONE" }}', "/root|"],
  ['{{ file "/pass" }}|{{ file "/none" }}', "secret|"],
  ['{{ default "x" (env "NONE") }}{{ env "HOME" | default "x" }}', "x/root"],
  ['{{ join (split "a/b/c" "/") "-" }}', "a-b-c"],
  ['{{ trimSpace "  a " }}', "a"],
  ["{{ json .Sync.Platforms }}", '["linux/amd64","linux/arm64"]\n'],
  ["a {{- 1 -}} b", "a1b"],
  ["{{/* nothing */}}x", "x"],
  ["{{ if .Ref.Tag }}yes{{ else }}no{{ end }}", "yes"],
  ['{{ if eq .Ref.Tag "v2" }}2{{ else if eq .Ref.Tag "v1" }}1{{ end }}', "1"],
  [
    "{{ range .Sync.Platforms }}<{{ . }}>{{ end }}",
    "<linux/amd64><linux/arm64>",
  ],
  ["{{ with .Ref }}{{ .Tag }}{{ $.Sync.Source }}{{ end }}", "v1s:1"],
  ["{{ $t := .Ref.Tag }}{{ $t }}{{ $t }}", "v1v1"],
  ["{{ index .Sync.Platforms 1 }}", "linux/arm64"],
  ["{{ index (split .Ref.Repository `/`) 0 }}", "a"],
  ['{{ printf "%s-%03d%%" .Ref.Tag 7 }}', "v1-007%"],
  [
    '{{ time.Now.UTC.Format "2006-01-02T15:04:05Z07:00" }}',
    "2024-01-05T15:04:09Z",
  ],
  ['{{ (time.Now.UTC.AddDate 0 0 -5).Format "20060102" }}', "20231231"],
  ['{{ "a}}b" }}', "a}}b"],
  ["{{ not false }}{{ len .Ref.Tag }}", "true2"],
];

for (const [text, expected] of FILLED) {
  Deno.test(`template: ${text}`, async () => {
    assertEquals(await fill(text), expected);
  });
}

const LAYOUTS: readonly [string, string][] = [
  ["Mon Jan _2 15:04:05 2006", "Fri Jan  5 15:04:09 2024"],
  ["Monday, 02-Jan-06 3:04PM", "Friday, 05-Jan-24 3:04PM"],
  ["2006-002 03 1 2 4 5", "2024-005 03 1 5 4 9"],
  ["15:04:05.000 .999999 -0700 MST", "15:04:09.070 .07 +0000 UTC"],
];

for (const [layout, expected] of LAYOUTS) {
  Deno.test(`template: a time as ${layout}`, () => {
    assertEquals(new GoTime(AT).utc().format(layout), expected);
  });
}

const REFUSED = [
  "{{ nope }}",
  "{{ .Ref.None }}",
  "{{ .Ref.Tag.X }}",
  "{{",
  "{{ }}",
  "{{ if }}x{{ end }}",
  "{{ if true }}x",
  "{{ end }}",
  "{{ template `x` }}",
  "{{ upper 1 }}",
  "{{ .Ref.Tag 1 }}",
  "{{ (upper `a` }}",
  "{{ .Ref }}",
  "{{ .__proto__ }}",
  "{{ .Ref.constructor }}",
  `${"{{ if true }}".repeat(60)}${"{{ end }}".repeat(60)}`,
];

for (const text of REFUSED) {
  Deno.test(`template: ${text.slice(0, 40)} is refused`, async () => {
    await assertRejects(() => fill(text), HangarError);
  });
}
