import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import { looksLikeYaml, readListText } from "../../../src/lists/read_list.ts";
import { formatReference } from "../../../src/names/reference.ts";

const NO_SOURCES = {
  env: (name: string) => name === "TAG" ? "7" : undefined,
  readFile: () => Promise.resolve(undefined),
};

async function read(text: string, skopeo = {}) {
  return await readListText(text, "x.yaml", { sources: NO_SOURCES, skopeo });
}

async function images(text: string): Promise<string[]> {
  const { entries } = await read(text);
  return entries.map(({ line, source }) =>
    `${line} ${formatReference(source)}`
  );
}

Deno.test("lists: YAML is known by its first line", () => {
  for (
    const text of [
      "version: 1\n",
      "# comment\n\nsync:\n",
      "---\na: b",
      "registry.example:5000:\n  images: {}",
      '"quoted": 1',
      '{"apiVersion": "v1"}',
      "\ufeffcreds:\r\n",
    ]
  ) assertEquals(looksLikeYaml(text), true, text);
  for (
    const text of [
      "nginx:1.2\n",
      "nginx",
      "a/b c/d 1 # see: this\n",
      "// a: b\nnginx:1",
      "# a: b\nnginx:1",
      "localhost:5000/a:1",
      "",
    ]
  ) assertEquals(looksLikeYaml(text), false, text);
});

Deno.test("kubernetes: every image that pods name is found, and none is invented", async () => {
  const found = await images(`# rendered
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {image: "not/an:image"}}
spec:
  template:
    spec:
      initContainers:
      - name: init
        image: "busybox:1.36" # comment
      containers:
      - name: web
        image: docker.io/library/nginx:1.27@sha256:${"a".repeat(64)}
        env: [{name: IMAGE, value: "no/such:image"}]
      - image: quay.io/side/car:2
      volumes:
      - name: model
        image: {reference: quay.io/vol/ume:1}
---
apiVersion: batch/v1
kind: CronJob
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers: [{image: quay.io/side/car:2}, {image: registry.k8s.io/pause:3.9}]
---
# nothing
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  spec: {containers: [{image: alpine}], ephemeralContainers: [{image: "debug:1"}]}
---
apiVersion: v1
kind: ConfigMap
data:
  image: no/image:1
  pod.yaml: |
    containers:
    - image: no/image:2
---
apiVersion: operator.example/v1
kind: Thing
spec:
  image: no/image:3
  podTemplate: {spec: {containers: [{image: "op/erator:1"}]}}
`);
  assertEquals(found, [
    "11 docker.io/library/busybox:1.36",
    `14 docker.io/library/nginx:1.27@sha256:${"a".repeat(64)}`,
    "16 quay.io/side/car:2",
    "19 quay.io/vol/ume:1",
    "28 registry.k8s.io/pause:3.9",
    "37 docker.io/library/alpine:latest",
    "37 docker.io/library/debug:1",
    "51 docker.io/op/erator:1",
  ]);
});

Deno.test("kubernetes: an operator's object names an image by registry and tag, and much else that is none", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const found = await images(`
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  annotations: {image: "quay.io/an/notation:1"}
spec:
  image: quay.io/prometheus/prometheus:v2.50.0
  thanos: {image: "quay.io/thanos/thanos@${digest}"}
  containers: [{name: proxy, image: "side/car:1"}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: x.example/v1, kind: A, spec: {nodes: [{image: "reg:5000/a/b:1"}]}}
---
apiVersion: x.example/v1
kind: B
image: quay.io/not/in/spec:1
spec:
  a: {image: logo.png}
  b: {image: "https://cdn.example/logo:1"}
  c: {image: team/app:1}
  d: {image: quay.io/team/app}
  e: {image: ami-0123456789}
  f: {image: "./quay.io/a:1"}
  g: {image: [quay.io/a/b:1]}
  h: {image: {repository: quay.io/a/b, tag: 1}}
  i: {image: "quay.io/a/b:1 and more"}
status: {image: "quay.io/a/status:1"}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec: {image: "quay.io/a/definition:1"}
---
apiVersion: v1
kind: ConfigMap
data: {image: "quay.io/a/data:1"}
---
apiVersion: apps/v1
kind: Deployment
spec: {image: "quay.io/a/deployment:1"}
`);
  assertEquals(found, [
    "7 quay.io/prometheus/prometheus:v2.50.0",
    `8 quay.io/thanos/thanos@${digest}`,
    "9 docker.io/side/car:1",
    "14 reg:5000/a/b:1",
  ]);
});

Deno.test("compose: a default may name a variable that has one, too", async () => {
  const list = await read(`
services:
  a: {image: "a/a:\${NONE:-\${NEITHER:-3}}"}
  b: {image: "a/b:\${NONE:-\${TAG}}-x"}
  c: {image: "\${NONE-a}/c:\${TAG:+set}"}
  d: {image: "a/d:\${TAG:-\${NONE}}"}
  e: {image: "a/e:\${NONE:-\${NEITHER}}"}
  f: {image: "a/f:\${NONE:-1"}
  g: {image: "a/g:\${NONE:?say it}"}
`);
  assertEquals(
    list.entries.map((e) => formatReference(e.source)),
    [
      "docker.io/a/a:3",
      "docker.io/a/b:7-x",
      "docker.io/a/c:set",
      "docker.io/a/d:7",
    ],
  );
  assertEquals(list.invalid.map(({ line }) => line), [7, 8, 9]);
  const long = `services: {a: {image: "${"${".repeat(100_000)}"}}`;
  await assertRejects(() => read(long), HangarError, "services.a.image: ");
});

Deno.test("compose: images of services, with the defaults of variables", async () => {
  const list = await read(`
services:
  web: {image: "nginx:\${VERSION:-1.27}"}
  db:
    image: postgres:$TAG
  built: {build: ., image: my/own:1}
  none: {command: x}
  dollar: {image: "a/b:\${TAG}-x"}
  missing: {image: "a/b:\${NONE}"}
`);
  assertEquals(
    list.entries.map((e) => formatReference(e.source)),
    [
      "docker.io/library/nginx:1.27",
      "docker.io/library/postgres:7",
      "docker.io/a/b:7-x",
    ],
  );
  assertEquals(list.invalid.map(({ line, reason }) => `${line} ${reason}`), [
    "9 the variable NONE is not set",
  ]);
});

const SKOPEO = `
registry.example.com:
  images:
    team/busybox: []
    redis: ["1.0", 2.0, "sha256:${"0".repeat(64)}"]
  images-by-tag-regex: {nginx: ^1\\.13}
  images-by-semver: {alpine: ">= 3.12.0"}
  credentials: {username: john, password: secret}
  tls-verify: false
quay.io:
  tls-verify: true
  cert-dir: /certs
  images: {coreos/etcd: [latest]}
`;

Deno.test("skopeo sync: what it names, and where it goes", async () => {
  const list = await read(SKOPEO, { host: "d.io:5000" });
  assertEquals(
    list.entries.map((e) =>
      `${formatReference(e.source)} ${e.destination!.registry}/${
        e.destination!.repository
      }`
    ),
    [
      "registry.example.com/redis:1.0 d.io:5000/redis",
      "registry.example.com/redis:2.0 d.io:5000/redis",
      `registry.example.com/redis@sha256:${"0".repeat(64)} d.io:5000/redis`,
      "quay.io/coreos/etcd:latest d.io:5000/etcd",
    ],
  );
  assertEquals(list.choices!.map((c) => c.text), [
    "registry.example.com/team/busybox d.io:5000/busybox *",
    'registry.example.com/nginx d.io:5000/nginx * # tags {"regex":"^1\\\\.13"}',
    'registry.example.com/alpine d.io:5000/alpine * # tags {"semver":">= 3.12.0"}',
  ]);
  assertEquals(
    list.settings!.registries!.map((
      { registry, tls, certificatesIn, login },
    ) => [
      registry,
      tls,
      certificatesIn,
      login && "username" in login ? login.username : undefined,
    ]),
    [
      ["registry.example.com", "insecure", undefined, "john"],
      ["quay.io", "enabled", "/certs", undefined],
    ],
  );
});

Deno.test("skopeo sync: --scoped keeps the source's name", async () => {
  const list = await read(SKOPEO, {
    host: "d.io",
    scoped: true,
    project: "p/q",
  });
  assertEquals(
    list.entries.at(-1)!.destination!.repository,
    "p/quay.io/coreos/etcd",
  );
});

const REFUSED: [string, object, string][] = [
  [SKOPEO, {}, "does not say where its images go"],
  [
    "r.io:\n  imgaes: {a: []}\n  images: {}",
    { host: "d" },
    "x.yaml:2: r.io.imgaes: hangar does not know",
  ],
  [
    "r.io:\n  images-by-tag-regex: {a: '['}",
    { host: "d" },
    "x.yaml:2: r.io.images-by-tag-regex.a: ",
  ],
  [
    "r.io:\n  images-by-semver:\n    a: '>'",
    { host: "d" },
    "x.yaml:3: r.io.images-by-semver.a: ",
  ],
  [
    "r.io:\n  credentials: {username: a}\n  images: {a: []}",
    { host: "d" },
    "password is missing",
  ],
  [
    "r.io:5000:\n  images: {a: ['1']}",
    { host: "d.io", scoped: true },
    "x.yaml:2: ",
  ],
  ["services: {a: {image: b}}", { host: "d", scoped: true }, "--scoped is for"],
  ["nginx", { host: "d", scoped: true }, "--scoped is for"],
  ["a: &a [*a]", {}, "no list that hangar knows"],
];

REFUSED.push(
  ["version: 1\nsync: {}\n", {}, "x.yaml:2: sync: want a list"],
  [
    "sync: []\n---\nsync: []\n",
    {},
    "x.yaml:3: a regsync.yaml is one document",
  ],
  [
    "quay.io:\n  imagez: {a: []}\n",
    { host: "d.io" },
    "x.yaml:2: quay.io.imagez: hangar does not know this key",
  ],
  [
    `a: ${"[".repeat(20_000)}`,
    {},
    "x.yaml:1: the values are nested too deeply",
  ],
);

for (const [text, skopeo, error] of REFUSED) {
  Deno.test(`lists: ${JSON.stringify(text.slice(0, 40))} is refused: ${error}`, async () => {
    await assertRejects(() => read(text, skopeo), HangarError, error);
  });
}

Deno.test("lists: aliases cannot fill the memory", async () => {
  const lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"];
  for (let i = 1; i < 12; i++) {
    lines.push(`x${i}: &x${i} [${Array(10).fill(`*x${i - 1}`).join(", ")}]`);
  }
  const text = `apiVersion: v1\nkind: X\n${lines.join("\n")}\n`;
  await assertRejects(() => read(text), HangarError, "by its aliases");
});

Deno.test("lists: an alias stands for the last anchor of its name, and thousands are read", async () => {
  const entries = Array.from({ length: 4_000 }, (_, i) => `
- source: r.io/a/b${i}
  target: d.io/c/d${i}
  type: repository
  tags: *t`).join("");
  const list = await read(`
x-one: &t {allow: [one]}
x-two: &t {allow: [two]}
sync:${entries}
- &e {source: r.io/e/f, target: d.io/e/f, type: repository, tags: &t {allow: [3]}}
- <<: *e
  tags: *t
- {source: r.io/g/h, target: d.io/g/h, type: repository, tags: *t}
`);
  const rules = list.choices!.map(({ text }) =>
    /"allow":\[(.*?)\]/.exec(text)![1]
  );
  assertEquals(rules.length, 4_003);
  assertEquals(new Set(rules.slice(0, 4_000)), new Set(['"two"']));
  assertEquals(rules.slice(4_000), ["3", "3", "3"]);
});

Deno.test("lists: lines with settings are read again, and wrong ones are invalid", async () => {
  const list = await readListText(
    [
      'a/b c/d 1 # regsync {"platform":"linux/amd64"}',
      'a/b:1 # regsync {"target":"c/d:2"}',
      'a/b # regsync {"type":"repository","target":"c/d","tags":{"allow":["1.*"]}}',
      'a/b c/d * # tags {"regex":"^1"}',
      'a/b c/d 1 # regsync {"platfrom":"x"}',
      'a/b c/d 1 # regsync {"backup":"{{ env `HOME` }}"}',
      "a/b c/d 1 # regsync {",
      'a/b # regsync {"target":"{{ env `HOME` }}"}',
    ].join("\n"),
    "l.txt",
    { sources: NO_SOURCES },
  );
  assertEquals(list.entries.map(({ line, settings }) => [line, !!settings]), [
    [1, true],
    [2, true],
    [6, true],
    [7, false],
  ]);
  assertEquals(list.choices!.map(({ line }) => line), [3, 4]);
  assertEquals(list.entries[1]!.destination!.tag, "2");
  assertEquals(list.invalid.map(({ line, reason }) => `${line}: ${reason}`), [
    "5: platfrom: hangar does not know this key of the file",
    "8: a line has no templates in its names",
  ]);
  // What a line says must not make hangar read this machine.
  const { backup } = list.entries[2]!.settings!;
  await assertRejects(
    () => backup!({ registry: "r.io", repository: "a", tag: "1" }),
    HangarError,
    "no access to files and variables",
  );
});
