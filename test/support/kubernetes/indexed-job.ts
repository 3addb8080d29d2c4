// Runs an Indexed Job as local processes: its own command line, its own rules for what is started again, its own probes. What is
// left out is the pause before a pod is started again, which grows from 10 seconds on.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnRump, type RumpProcess, type RumpResult } from '../rump.ts';
import { actionFor, type Container, type FailureAction, type JobManifest, type Probe } from './job.ts';

export interface JobWorld {
  /** A folder of the test's own. */
  readonly folder: string;
  /** What each ConfigMap and Secret holds: a text by its name. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Where the addresses of the manifest lead. */
  readonly places: Readonly<Record<string, string>>;
  /** Variables of one pod that only a local process needs. */
  readonly environment?: (index: number) => Readonly<Record<string, string>>;
}

export interface Pod {
  readonly index: number;
  readonly running: RumpProcess;
  /** Once it has ended. */
  exitCode: number | undefined;
  /** What became of it, by the rules of the job. */
  action: FailureAction | undefined;
  isEvicted: boolean;
}

export interface JobEnd {
  readonly condition: 'Complete' | 'Failed';
  readonly reason: string;
}

const POLL_MS = 50;
const READY_MS = 30_000;
/** A pod has an address of its own. */
const ADDRESS = `127.77.${(process.pid % 250) + 1}`;

export class IndexedJob {
  /** All that there were, in the order of their start. */
  readonly pods: Pod[] = [];
  readonly done: Promise<JobEnd>;
  readonly #manifest: JobManifest;
  readonly #world: JobWorld;
  readonly #container: Container;
  /** Failures that count, by index. */
  readonly #failures = new Map<number, number>();
  readonly #failedIndexes = new Set<number>();
  readonly #completed = new Set<number>();
  #waiting: number[];
  #end!: (end: JobEnd) => void;
  #ended: JobEnd | undefined;

  constructor(manifest: JobManifest, world: JobWorld) {
    this.#manifest = manifest;
    this.#world = world;
    const { completions = 1, template } = manifest.spec;
    const [container, ...others] = template.spec.containers;
    assert.ok(container !== undefined && others.length === 0, 'A pod has one container here');
    // The entry point of its image is rump.
    assert.equal(container.command, undefined);
    this.#container = container;
    this.#waiting = Array.from({ length: completions }, (_, index) => index);
    this.done = new Promise((resolve) => (this.#end = resolve));
    this.#makeVolumes();
  }

  start(): void {
    const { parallelism = 1 } = this.#manifest.spec;
    while (this.#ended === undefined && this.#waiting.length > 0 && this.#running().length < parallelism)
      this.#startPod(this.#waiting.shift()!);
  }

  /** The one that runs, or that ran last. */
  pod(index: number): Pod {
    return this.pods.findLast((pod) => pod.index === index)!;
  }

  podsOf(index: number): Pod[] {
    return this.pods.filter((pod) => pod.index === index);
  }

  /** The node is drained: the pod is marked, and told to stop. */
  evict(index: number): void {
    const pod = this.pod(index);
    pod.isEvicted = true;
    pod.running.child.kill('SIGTERM');
  }

  /** A ConfigMap that the pods may do without appears. */
  createConfigMap(name: string, data: Readonly<Record<string, string>>): void {
    for (const { name: volume, configMap } of this.#manifest.spec.template.spec.volumes ?? [])
      if (configMap?.name === name) this.#fillVolume(volume, data);
  }

  /** Resolves once the readiness probe of each index is answered well. */
  async ready(): Promise<void> {
    const { completions = 1 } = this.#manifest.spec;
    for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await sleep(POLL_MS)) {
      if (this.#ended !== undefined) throw new Error(`The job has ended: ${this.#ended.reason}`);
      const indexes = Array.from({ length: completions }, (_, index) => index);
      const ready = await Promise.all(indexes.map((index) => this.probe(index, 'readinessProbe')));
      if (ready.every((isReady) => isReady)) return;
    }
    throw new Error(`Not ready: ${this.pods.map(({ running }) => running.stderr).join('\n')}`);
  }

  async probe(index: number, which: 'readinessProbe' | 'livenessProbe'): Promise<boolean> {
    const { path = '/', port } = (this.#container[which] as Probe).httpGet!;
    const number = this.#container.ports?.find(({ name }) => name === port)?.containerPort ?? port;
    try {
      const { ok } = await fetch(`http://${addressOf(index)}:${number}${path}`);
      return ok;
    } catch {
      return false;
    }
  }

  /** Ends all that runs, whatever it is about. */
  kill(): void {
    this.#finish({ condition: 'Failed', reason: 'The test has ended' }, 'SIGKILL');
  }

  #running(): Pod[] {
    return this.pods.filter(({ exitCode }) => exitCode === undefined);
  }

  #startPod(index: number): void {
    const variables = (this.#container.env ?? []).map(({ name, value = '' }) => [name, value]);
    const env = { ...Object.fromEntries(variables), JOB_COMPLETION_INDEX: String(index) };
    const args = (this.#container.args ?? []).map((arg) => this.#locally(arg, index));
    const running = spawnRump(args, { env: { ...env, ...this.#world.environment?.(index) } });
    const pod: Pod = { index, running, exitCode: undefined, action: undefined, isEvicted: false };
    this.pods.push(pod);
    void running.done.then((result) => this.#onEnd(pod, result));
  }

  #onEnd(pod: Pod, result: RumpResult): void {
    const { spec } = this.#manifest;
    pod.exitCode = exitCodeOf(result);
    if (this.#ended !== undefined) return;
    pod.action = actionFor(spec, pod.exitCode, pod.isEvicted ? ['DisruptionTarget'] : []);
    const { index } = pod;
    if (pod.action === undefined) this.#completed.add(index);
    if (pod.action === 'FailJob') return this.#finish({ condition: 'Failed', reason: 'PodFailurePolicy' });
    if (pod.action === 'Count') this.#failures.set(index, (this.#failures.get(index) ?? 0) + 1);
    const isSpent = (this.#failures.get(index) ?? 0) > (spec.backoffLimitPerIndex ?? Infinity);
    if (pod.action === 'FailIndex' || isSpent) this.#failedIndexes.add(index);
    else if (pod.action !== undefined) this.#waiting.push(index);
    if (this.#failedIndexes.size > (spec.maxFailedIndexes ?? Infinity))
      return this.#finish({ condition: 'Failed', reason: 'MaxFailedIndexesExceeded' });
    if (this.#completed.size + this.#failedIndexes.size === spec.completions) {
      const hasFailed = this.#failedIndexes.size > 0;
      return this.#finish({
        condition: hasFailed ? 'Failed' : 'Complete',
        reason: hasFailed ? 'FailedIndexes' : 'Done',
      });
    }
    this.start();
  }

  /** Those that still run are told to stop. */
  #finish(end: JobEnd, signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#ended ??= end;
    const running = this.#running();
    for (const pod of running) pod.running.child.kill(signal);
    void Promise.all(running.map((pod) => pod.running.done)).then(() => this.#end(this.#ended!));
  }

  /** An argument of the manifest, as it is on this machine. */
  #locally(arg: string, index: number): string {
    const mounts = this.#container.volumeMounts ?? [];
    const places = Object.entries(this.#world.places);
    const moved = places.reduce((text, [there, here]) => text.replace(there, here), arg);
    const mounted = mounts.reduce(
      (text, { name, mountPath }) => text.replace(`=${mountPath}/`, `=${join(this.#world.folder, name)}/`),
      moved,
    );
    return mounted.replace('0.0.0.0:', `${addressOf(index)}:`);
  }

  #makeVolumes(): void {
    for (const { name, configMap, secret } of this.#manifest.spec.template.spec.volumes ?? []) {
      const object = configMap?.name ?? secret?.secretName ?? '';
      const data = this.#world.objects[object];
      mkdirSync(join(this.#world.folder, name), { recursive: true });
      if (data !== undefined) this.#fillVolume(name, data);
      else assert.ok((configMap ?? secret)?.optional, `No pod would start: there is no ${object}`);
    }
  }

  #fillVolume(name: string, data: Readonly<Record<string, string>>): void {
    const folder = join(this.#world.folder, name);
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    for (const [key, text] of Object.entries(data)) writeFileSync(join(folder, key), text);
  }
}

function addressOf(index: number): string {
  return `${ADDRESS}.${index + 1}`;
}

/** As a container tells it: 137 of what was killed. */
function exitCodeOf({ code, signal }: RumpResult): number {
  return code ?? 128 + constants.signals[signal!];
}
