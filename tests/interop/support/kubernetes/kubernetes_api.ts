/**
 * The API of Kubernetes, as far as the test of the manifests asks it.
 *
 * @module
 */

/** A condition of a pod or a Job. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** What all objects have. */
export interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

/** A variable of a container. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** A container of a pod. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean };
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

/** A volume of a pod: one of these sources. */
export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly emptyDir?: unknown;
}

/** A pod. */
export interface Pod {
  readonly metadata: Metadata;
  readonly spec: {
    readonly nodeName?: string;
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly [Container];
    readonly volumes: readonly Volume[];
  };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly Condition[];
  };
}

/** A Job. */
export interface Job {
  readonly metadata: Metadata;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: {
    readonly conditions?: readonly Condition[];
    readonly completedIndexes?: string;
    readonly failedIndexes?: string;
    readonly succeeded?: number;
    readonly failed?: number;
  };
}

/** A client with all rights. */
export class KubernetesApi implements Disposable {
  readonly #url: string;
  readonly #token: string;
  readonly #client: Deno.HttpClient;

  /** @param caFile PEM file of the CA that signed the server's certificate */
  constructor(url: string, token: string, caFile: string) {
    this.#url = url;
    this.#token = token;
    this.#client = Deno.createHttpClient({
      caCerts: [Deno.readTextFileSync(caFile)],
    });
  }

  /**
   * A request; a body that is given is sent as JSON.
   *
   * @throws {Error} with the server's words when it refuses
   */
  async request(
    method: string,
    path: string,
    body?: unknown,
    type = "application/json",
  ): Promise<unknown> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { "content-type": type }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      client: this.#client,
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    }
    return text.startsWith("{") ? JSON.parse(text) : text;
  }

  /** Changes parts of an object; lists such as conditions are merged by key. */
  async patch(path: string, change: unknown): Promise<void> {
    const type = "application/strategic-merge-patch+json";
    await this.request("PATCH", path, change, type);
  }

  /** All pods. */
  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.request("GET", "/api/v1/pods") as {
      items: Pod[];
    };
    return items;
  }

  /** What controllers complain of, such as pods that are not admitted. */
  async warnings(): Promise<readonly string[]> {
    const { items } = await this.request(
      "GET",
      "/api/v1/events?fieldSelector=type%3DWarning",
    ) as { items: { readonly reason: string; readonly message: string }[] };
    return items.map(({ reason, message }) => `${reason}: ${message}`);
  }

  /** One Job. */
  async job(namespace: string, name: string): Promise<Job> {
    return await this.request(
      "GET",
      `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`,
    ) as Job;
  }

  /** The content of a ConfigMap or Secret, by key. */
  async data(
    namespace: string,
    kind: "configmaps" | "secrets",
    name: string,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const { data = {} } = await this.request(
      "GET",
      `/api/v1/namespaces/${namespace}/${kind}/${name}`,
    ) as { data?: Record<string, string> };
    return new Map(
      Object.entries(data).map(([key, value]) => [
        key,
        kind === "secrets"
          ? Uint8Array.from(atob(value), (char) => char.charCodeAt(0))
          : new TextEncoder().encode(value),
      ]),
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** The path of a pod, or of a part of it such as its status. */
export function podPath({ metadata }: Pod, part?: string): string {
  const { namespace, name } = metadata;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  return part === undefined ? path : `${path}/${part}`;
}
