// Reads metrics as Prometheus does, and complains of what its conventions forbid: what `promtool check metrics` would say.
import assert from 'node:assert/strict';

export interface Metric {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const HELP = /^# HELP ([a-z_:][a-z0-9_:]*) (\S.*)$/;
const TYPE = /^# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge)$/;
const SAMPLE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN|[+-]Inf)$/;
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)/y;
/** Units that are not those of the base, and words that belong into no name. */
const OTHER_UNITS =
  /_(?:milliseconds|ms|microseconds|minutes|hours|kilobytes|megabytes|kb|mb|percent|gauge|counter)(?:_|$)/;

/** @throws AssertionError where the text is not as it has to be */
export function readMetrics(text: string): ReadonlyMap<string, Metric> {
  assert.match(text, /\n$/, 'The last line has no end');
  const metrics = new Map<string, Metric & { samples: MetricSample[] }>();
  const lines = text.slice(0, -1).split('\n');
  for (let at = 0; at < lines.length;) {
    const [, name, help] = HELP.exec(lines[at++]!) ?? assert.fail(`No HELP in line ${at}: ${lines[at - 1]}`);
    const [, typed, type] = TYPE.exec(lines[at++]!) ?? assert.fail(`No TYPE in line ${at}: ${lines[at - 1]}`);
    assert.equal(typed, name);
    assert.ok(!metrics.has(name!), `${name} comes twice`);
    assertName(name!, type!);
    const samples: MetricSample[] = [];
    const seen = new Set<string>();
    for (; at < lines.length && !lines[at]!.startsWith('#'); at++) {
      const [, sampled, labels = '', value] = SAMPLE.exec(lines[at]!) ?? assert.fail(`No sample: ${lines[at]}`);
      assert.equal(sampled, name);
      assert.ok(!seen.has(labels), `${name}{${labels}} comes twice`);
      seen.add(labels);
      samples.push({ labels: readLabels(labels), value: Number(value!.replace('Inf', 'Infinity')) });
    }
    assert.ok(samples.length > 0, `${name} has no sample`);
    metrics.set(name!, { type: type as Metric['type'], help: help!, samples });
  }
  return metrics;
}

/** The value of a sample with these labels, whatever others it has; `undefined` where there is none. */
export function valueOf(
  metrics: ReadonlyMap<string, Metric>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = metrics
    .get(name)
    ?.samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  assert.ok((found?.length ?? 0) < 2, `${name} has several such samples`);
  return found?.[0]?.value;
}

function assertName(name: string, type: string): void {
  assert.match(name, /^rump_/);
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
  assert.doesNotMatch(name, OTHER_UNITS);
  assert.doesNotMatch(name, /_(?:count|sum|bucket)$/, `${name} is taken for a part of a histogram`);
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? assert.fail(`No labels: ${text}`);
    assert.ok(labels[name!] === undefined, `${name} comes twice in ${text}`);
    labels[name!] = value!.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}
