// An Indexed Job as its manifest has it, and what the API server demands of one that no schema says. (`ValidateJob` of
// Kubernetes, as far as it concerns fields that the manifest of rump has.)
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ROOT } from '../pages.ts';
import { join } from 'node:path';

export interface JobManifest {
  readonly metadata: { readonly name: string };
  readonly spec: JobSpec;
}

export interface JobSpec {
  readonly completionMode?: 'Indexed' | 'NonIndexed';
  readonly completions?: number;
  readonly parallelism?: number;
  readonly backoffLimitPerIndex?: number;
  readonly maxFailedIndexes?: number;
  readonly podReplacementPolicy?: 'Failed' | 'TerminatingOrFailed';
  readonly podFailurePolicy?: { readonly rules: readonly FailureRule[] };
  readonly template: { readonly metadata?: { readonly labels?: Record<string, string> }; readonly spec: PodSpec };
}

export type FailureAction = 'Ignore' | 'Count' | 'FailIndex' | 'FailJob';

export interface FailureRule {
  readonly action: FailureAction;
  readonly onExitCodes?: {
    readonly containerName?: string;
    readonly operator: 'In' | 'NotIn';
    readonly values: readonly number[];
  };
  readonly onPodConditions?: readonly { readonly type: string; readonly status?: string }[];
}

export interface PodSpec {
  readonly restartPolicy?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
}

export interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string };
  readonly periodSeconds?: number;
}

export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name?: string; readonly optional?: boolean };
  readonly secret?: { readonly secretName?: string; readonly optional?: boolean };
}

export const JOB = '.github/scale/job.yaml';

/** Kubernetes reads YAML 1.1. */
export function readManifest(path: string): unknown {
  return parse(readFileSync(join(ROOT, path), 'utf8'), { version: '1.1', strict: true, uniqueKeys: true });
}

/** Of a DNS label; pods are named by the job, the index and five more characters. */
const MOST_NAME = 63;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** Of a named port. */
const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/;
const MOST_RULES = 20;
const MOST_CODES = 255;

export function complaintsOfJob({ metadata, spec }: JobManifest): string[] {
  const pod = spec.template.spec;
  return [...complaintsOfIndexes(metadata.name, spec), ...complaintsOfPolicies(spec), ...complaintsOfPod(pod)];
}

function complaintsOfIndexes(name: string, spec: JobSpec): string[] {
  const { completionMode, completions, parallelism = 1, backoffLimitPerIndex: backoff, maxFailedIndexes: most } = spec;
  const isIndexed = completionMode === 'Indexed';
  const longest = `${name}-${(completions ?? 1) - 1}`;
  return [
    ...when(!LABEL.test(name) || longest.length > MOST_NAME, 'metadata.name: its pods have no name'),
    ...when(isIndexed && completions === undefined, 'completions: an Indexed Job needs them'),
    ...when((completions ?? 0) < 0 || parallelism < 0 || parallelism > 100_000, 'completions: out of range'),
    ...when(backoff !== undefined && !isIndexed, 'backoffLimitPerIndex: needs completionMode Indexed'),
    ...when((backoff ?? 0) < 0 || (most ?? 0) < 0, 'backoffLimitPerIndex: below zero'),
    ...when(most !== undefined && backoff === undefined, 'maxFailedIndexes: needs backoffLimitPerIndex'),
    ...when((most ?? 0) > (completions ?? 0), 'maxFailedIndexes: there are not so many'),
  ];
}

function complaintsOfPolicies({ podFailurePolicy, podReplacementPolicy, template, ...spec }: JobSpec): string[] {
  const { restartPolicy, containers } = template.spec;
  const names = containers.map(({ name }) => name);
  const rules = podFailurePolicy?.rules ?? [];
  return [
    ...when(
      restartPolicy !== 'Never' && restartPolicy !== 'OnFailure',
      'restartPolicy: a Job takes Never or OnFailure',
    ),
    ...when(podFailurePolicy !== undefined && restartPolicy !== 'Never', 'podFailurePolicy: needs restartPolicy Never'),
    ...when(
      podFailurePolicy !== undefined && (podReplacementPolicy ?? 'Failed') !== 'Failed',
      'podReplacementPolicy: has to be Failed beside podFailurePolicy',
    ),
    ...when(rules.length > MOST_RULES, `podFailurePolicy: has more than ${MOST_RULES} rules`),
    ...rules.flatMap((rule, i) => {
      const at = `podFailurePolicy.rules[${i}]`;
      const needsLimit = rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined;
      return [
        ...when(needsLimit, `${at}: FailIndex needs backoffLimitPerIndex`),
        ...when((rule.onExitCodes === undefined) === (rule.onPodConditions === undefined), `${at}: needs one of both`),
        ...complaintsOfCodes(rule.onExitCodes, names, at),
      ];
    }),
  ];
}

function complaintsOfCodes(codes: FailureRule['onExitCodes'], names: readonly string[], at: string): string[] {
  if (codes === undefined) return [];
  const { containerName, operator, values } = codes;
  const isSorted = values.every((value, i) => i === 0 || value > values[i - 1]!);
  return [
    ...when(containerName !== undefined && !names.includes(containerName), `${at}: there is no such container`),
    ...when(values.length === 0 || values.length > MOST_CODES, `${at}: needs values`),
    ...when(!isSorted, `${at}: values have to go up`),
    ...when(operator === 'In' && values.includes(0), `${at}: 0 is no failure`),
  ];
}

function complaintsOfPod({ containers, volumes = [] }: PodSpec): string[] {
  const names = containers.map(({ name }) => name);
  const known = new Set(volumes.map(({ name }) => name));
  return [
    ...when(new Set(names).size < names.length || !names.every((name) => LABEL.test(name)), 'containers: bad names'),
    ...when(known.size < volumes.length || ![...known].every((name) => LABEL.test(name)), 'volumes: bad names'),
    ...containers.flatMap(({ name, ports = [], volumeMounts = [], livenessProbe, readinessProbe }) => {
      const portNames = ports.map((port) => port.name);
      const probed = [livenessProbe, readinessProbe].flatMap((probe) => probe?.httpGet?.port ?? []);
      const paths = volumeMounts.map(({ mountPath }) => mountPath);
      return [
        ...volumeMounts.flatMap((mount) => when(!known.has(mount.name), `${name}: there is no volume ${mount.name}`)),
        ...when(new Set(paths).size < paths.length, `${name}: two volumes have one place`),
        ...when(!portNames.every((port) => port === undefined || PORT_NAME.test(port)), `${name}: bad name of a port`),
        ...probed.flatMap((port) =>
          when(typeof port === 'string' && !portNames.includes(port), `${name}: there is no port ${port}`),
        ),
      ];
    }),
  ];
}

function when(isWrong: boolean, complaint: string): string[] {
  return isWrong ? [complaint] : [];
}

/**
 * What becomes of a pod that has ended: what the first rule says that fits, or Count.
 * @param conditions those of the pod that are true
 * @returns `undefined` where it has not failed
 */
export function actionFor(
  { podFailurePolicy }: Pick<JobSpec, 'podFailurePolicy'>,
  exitCode: number,
  conditions: readonly string[] = [],
): FailureAction | undefined {
  if (exitCode === 0) return undefined;
  const rule = podFailurePolicy?.rules.find(({ onExitCodes, onPodConditions }) => {
    if (onPodConditions !== undefined)
      return onPodConditions.some(({ type, status = 'True' }) => status === 'True' && conditions.includes(type));
    return onExitCodes !== undefined && (onExitCodes.operator === 'In') === onExitCodes.values.includes(exitCode);
  });
  return rule?.action ?? 'Count';
}
