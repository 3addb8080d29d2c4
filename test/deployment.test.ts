// The manifest and the unit of .github/scale/: Kubernetes and systemd would take them, every flag in them is one of rump's, and
// each exit code is answered as the README says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parseCommandLine } from '../src/cli/command-line.ts';
import { COMMANDS } from '../src/cli/commands.ts';
import { EXIT_CODES } from '../src/cli/exit-codes.ts';
import { complaintsOf, type Schema } from './support/kubernetes/json-schema.ts';
import { actionFor, complaintsOfJob, JOB, readManifest, type JobManifest } from './support/kubernetes/job.ts';
import { read, ROOT, sectionOf } from './support/pages.ts';
import { folderOf } from './support/resp-file.ts';
import { complaintsOfUnit, sectionsOf } from './support/systemd-unit.ts';

const UNIT = '.github/scale/rump@.service';
const CHAPTER = 'In Kubernetes';
const SCHEMA = JSON.parse(read('fixtures/kubernetes/job.schema.json')) as Schema;

const job = readManifest(JOB) as JobManifest;
const [container] = job.spec.template.spec.containers;
assert.ok(container);

/** The manifest with another value at one place; `undefined` takes the field away. */
function changed(place: string, value: unknown): JobManifest {
  const copy = structuredClone(job);
  const names = place.split('.');
  const last = names.pop()!;
  const parent = names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], copy);
  (parent as Record<string, unknown>)[last] = value;
  return JSON.parse(JSON.stringify(copy)) as JobManifest;
}

test('The manifest is a Job as the schema of Kubernetes has it, without a field that is none', () => {
  assert.deepEqual(complaintsOf(job, SCHEMA), []);
});

for (const [place, value, complaint] of [
  ['spec.backoffLimitPerIndx', 1, 'spec.backoffLimitPerIndx: is no field of it'],
  ['spec.template.spec.containers.0.livenessProbe.httpget', {}, /livenessProbe\.httpget: is no field of it/],
  ['spec.completions', '3', 'spec.completions: is no integer'],
  ['spec.completionMode', 'indexed', 'spec.completionMode: is none of Indexed, NonIndexed'],
  ['spec.podFailurePolicy.rules.1.action', 'Fail', /rules\[1\]\.action: is none of Count, /],
  ['spec.podFailurePolicy.rules.1.onExitCodes.operator', undefined, /rules\[1\]\.onExitCodes\.operator: is missing/],
  ['spec.template', undefined, 'spec.template: is missing'],
  ['spec.template.spec.containers.0.args', 'x', /containers\[0\]\.args: is no array/],
  ['spec.template.spec.containers.0.env', [{ value: 'x' }], /env\[0\]\.name: is missing/],
  ['spec.template.metadata.labels.x', 1, 'spec.template.metadata.labels.x: is no string'],
  ['kind', 'CronJob', 'kind: is not "Job"'],
] as const) {
  test(`The schema refuses a Job with ${place} ${JSON.stringify(value)}`, () => {
    const [found, ...others] = complaintsOf(changed(place, value), SCHEMA);
    assert.deepEqual(others, []);
    if (typeof complaint === 'string') assert.equal(found, complaint);
    else assert.match(found ?? '', complaint);
  });
}

test('The API server would take the manifest', () => {
  assert.deepEqual(complaintsOfJob(job), []);
});

for (const [place, value, complaint] of [
  ['spec.template.spec.restartPolicy', 'OnFailure', 'podFailurePolicy: needs restartPolicy Never'],
  ['spec.template.spec.restartPolicy', 'Always', 'restartPolicy: a Job takes Never or OnFailure'],
  [
    'spec.podReplacementPolicy',
    'TerminatingOrFailed',
    'podReplacementPolicy: has to be Failed beside podFailurePolicy',
  ],
  ['spec.backoffLimitPerIndex', undefined, 'maxFailedIndexes: needs backoffLimitPerIndex'],
  ['spec.backoffLimitPerIndex', undefined, 'podFailurePolicy.rules[2]: FailIndex needs backoffLimitPerIndex'],
  ['spec.completionMode', undefined, 'backoffLimitPerIndex: needs completionMode Indexed'],
  ['spec.completions', undefined, 'completions: an Indexed Job needs them'],
  ['spec.maxFailedIndexes', 4, 'maxFailedIndexes: there are not so many'],
  [
    'spec.podFailurePolicy.rules.1.onExitCodes.containerName',
    'ramp',
    'podFailurePolicy.rules[1]: there is no such container',
  ],
  ['spec.podFailurePolicy.rules.2.onExitCodes.values', [3, 1], 'podFailurePolicy.rules[2]: values have to go up'],
  ['spec.podFailurePolicy.rules.2.onExitCodes.values', [0, 1], 'podFailurePolicy.rules[2]: 0 is no failure'],
  [
    'spec.podFailurePolicy.rules.0.onExitCodes',
    { operator: 'In', values: [1] },
    'podFailurePolicy.rules[0]: needs one of both',
  ],
  ['metadata.name', 'Rump', 'metadata.name: its pods have no name'],
  ['metadata.name', 'r'.repeat(63), 'metadata.name: its pods have no name'],
  ['spec.template.spec.containers.0.name', 'rump_1', 'containers: bad names'],
  ['spec.template.spec.volumes.0.name', 'plans', 'rump: there is no volume plan'],
  ['spec.template.spec.containers.0.ports.0.name', 'metric', 'rump: there is no port metrics'],
] as const) {
  test(`The API server would refuse ${place} ${JSON.stringify(value)}`, () => {
    assert.ok(
      complaintsOfJob(changed(place, value)).includes(complaint),
      complaintsOfJob(changed(place, value)).join(),
    );
  });
}

test('The manifest answers each exit code: what cannot pass is not tried again, and an eviction is no failure', () => {
  const actions = Object.entries(EXIT_CODES).map(([name, code]) => [name, actionFor(job.spec, code)]);
  assert.deepEqual(Object.fromEntries(actions), {
    done: undefined,
    failed: 'FailIndex',
    usage: 'FailJob',
    different: 'FailIndex',
    passing: 'Count',
    SIGHUP: 'Count',
    SIGINT: 'Count',
    SIGTERM: 'Count',
  });
  assert.equal(actionFor(job.spec, 137), 'Count');
  for (const code of [143, 137, 1, 2]) assert.equal(actionFor(job.spec, code, ['DisruptionTarget']), 'Ignore');
  assert.equal(actionFor(job.spec, 1, ['PodScheduled']), 'FailIndex');
});

test('Every flag of the manifest is one of a copy, and every file that it names is in a volume', () => {
  const { args = [], volumeMounts = [], readinessProbe, livenessProbe } = container;
  const { command, values } = parseCommandLine(COMMANDS, args, {});
  assert.equal(command.name, 'copy');
  assert.deepEqual([values.live, values.resume, values.partition?.part], [true, 'target', 'auto']);
  const files = args.flatMap((arg) => /=(\/.*)$/.exec(arg)?.[1] ?? []);
  assert.equal(files.length, 4);
  for (const file of files)
    assert.ok(
      volumeMounts.some(({ mountPath }) => file.startsWith(`${mountPath}/`)),
      file,
    );
  const port = container.ports?.find(({ name }) => name === 'metrics')?.containerPort;
  assert.ok(args.includes(`--metrics=0.0.0.0:${port}`));
  assert.deepEqual(
    [livenessProbe, readinessProbe].map((probe) => probe?.httpGet?.path),
    ['/healthz', '/readyz'],
  );
});

test('The manifest gives a worker no more than it needs', () => {
  const pod = job.spec.template.spec as unknown as Record<string, Record<string, unknown>>;
  assert.deepEqual([pod['automountServiceAccountToken'], pod['securityContext']?.['runAsNonRoot']], [false, true]);
  const { securityContext, resources } = container as unknown as Record<string, Record<string, unknown>>;
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  assert.deepEqual(resources, { requests: { cpu: '1', memory: '256Mi' }, limits: { memory: '1Gi' } });
  assert.match(read('.github/SCALE.md'), /manifest reserves 256 MiB and allows 1 GiB, as the unit does/);
  assert.deepEqual(sectionsOf(read(UNIT))['Service']?.['MemoryMax'], ['1G']);
  assert.doesNotMatch(read(JOB), /password:|:[^/\s]*@/i);
});

test('The commands of the README make what the manifest names', () => {
  const chapter = sectionOf(CHAPTER);
  const made = Array.from(chapter.matchAll(/^kubectl create (configmap|secret generic) (\S+)/gm), ([, , name]) => name);
  const named = job.spec.template.spec.volumes?.map(({ configMap, secret }) => configMap?.name ?? secret?.secretName);
  assert.deepEqual(new Set(made), new Set(named));
  assert.match(chapter, new RegExp(`rump plan --workers ${job.spec.completions} `));
  assert.equal(job.spec.completions, job.spec.parallelism);
});

test('The unit has only sections and keys that systemd knows, and only flags that rump knows', () => {
  const text = read(UNIT);
  assert.deepEqual(complaintsOfUnit(text), []);
  assert.deepEqual(complaintsOfUnit(text.replace('RestartSec=', 'RestartSecs=')), [
    'Service: RestartSecs is no key of it',
  ]);
  assert.deepEqual(complaintsOfUnit(text.replace('[Service]', '[Servise]')).slice(0, 1), ['Servise is no section']);
  const { Service: service = {} } = sectionsOf(text);
  const [program, ...words] = service['ExecStart']![0]!.split(/\s+/);
  assert.equal(program, '/usr/local/bin/rump');
  const { command, values } = parseCommandLine(
    COMMANDS,
    words.map((word) => word.replace('%i', '2').replace('${WORKERS}', '4')),
    {
      RUMP_FROM: 'redis://a',
      RUMP_TO: 'redis://b',
    },
  );
  assert.equal(command.name, 'copy');
  assert.deepEqual(values.partition, { part: 2, parts: 4 });
  assert.deepEqual([values.live, values.resume, values.control], [true, 'target', '%t/rump/2.sock']);
  const credentials = service['LoadCredential']!.map((credential) => credential.split(':')[0]);
  assert.deepEqual(
    credentials.map((name) => `%d/${name}`),
    [values['from-password-file'], values['to-password-file']],
  );
});

test('The unit starts again what may pass, and nothing else', () => {
  const { Service: service = {}, Unit: unit = {} } = sectionsOf(read(UNIT));
  assert.deepEqual(
    [service['Restart'], service['RestartForceExitStatus'], service['RestartPreventExitStatus']],
    [['on-failure'], [String(EXIT_CODES.passing)], ['1 2 3']],
  );
  assert.ok(Number(unit['StartLimitBurst']) > 0);
});

test('The unit cannot be enabled: at the next boot a migration that is done would begin again', () => {
  const { Install, Unit, Service } = sectionsOf(read(UNIT));
  assert.equal(Install, undefined);
  assert.ok(Unit !== undefined && Service !== undefined);
});

/** Where systemd is. */
const ANALYZE = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'systemd-analyze'));

if (ANALYZE.some((path) => existsSync(path))) {
  test('systemd-analyze finds nothing wrong with the unit', (t) => {
    assert.deepEqual(verify(t, readFileSync(join(ROOT, UNIT), 'utf8')), { status: 0, said: '' });
    assert.match(
      verify(t, read(UNIT).replace('Restart=on-failure', 'Restart=sometimes')).said,
      /restart specifier, ignoring: sometimes/,
    );
  });
}

function verify(t: TestContext, unit: string): { status: number | null; said: string } {
  const path = join(folderOf(t), 'rump@1.service');
  // It looks for the program.
  writeFileSync(path, unit.replace('/usr/local/bin/rump', process.execPath));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  return { status, said: stdout + stderr };
}
