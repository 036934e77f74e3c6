/** Validates files in deploy/ against their schemas, to find misspelled or misplaced names. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { validate } from 'dockerfile-utils';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { files, textOf, yamlOf } from './files.js';

describe('compose.yaml', () => {
  const schema = JSON.parse(
    readFileSync(path.resolve(import.meta.dirname, '../support/compose-spec/compose-spec.json'), 'utf8'),
  );
  // Ajv knows the draft by another name.
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const isCompose = ajv.compile({ ...schema, $schema: undefined });
  const faultsOf = (document: unknown) => (isCompose(document) ? [] : ajv.errorsText(isCompose.errors));

  test('matches the Compose specification', () => {
    const [document] = yamlOf('compose.yaml');
    expect(faultsOf(document)).toEqual([]);
    document.services.consumer.restrat = 'always';
    expect(faultsOf(document)).toContain('must NOT have additional properties');
  });
});

describe('the Dockerfile', () => {
  test('passes the linter', () => {
    expect(validate(textOf('Dockerfile'))).toEqual([]);
    const [fault] = validate(textOf('Dockerfile').replace('--interval', '--intervall'));
    expect(fault).toMatchObject({ message: 'Unknown flag: intervall' });
  });
});

describe('the manifests of Kubernetes', () => {
  interface Manifest {
    apiVersion: string;
    kind: string;
  }

  const names = files.filter((file) => file.startsWith('kubernetes/') && !file.endsWith('kustomization.yaml'));
  const manifests: Manifest[] = names.flatMap((name) => yamlOf(name));

  /** The module with the model of a kind: Kubernetes, KEDA, or the Prometheus operator. */
  function moduleOf({ apiVersion }: Manifest): string {
    const [group = ''] = apiVersion.split('/');
    const owner = {
      'keda.sh': '@kubernetes-models/keda',
      'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
    };
    return `${owner[group as keyof typeof owner] ?? 'kubernetes-models'}/${apiVersion}`;
  }

  test.each(manifests.map((manifest) => [`${manifest.apiVersion} ${manifest.kind}`, manifest] as const))(
    '%s has values of the right kind',
    async (_, manifest) => {
      const { [manifest.kind]: Model } = await import(moduleOf(manifest));
      new Model(manifest).validate();
      expect(() => new Model({ ...manifest, metadata: 7 }).validate()).toThrow('must be object');
    },
  );

  /** The schemas ignore unknown fields; the types of the same models do not. */
  function unknownFields(objects: readonly Manifest[]): string[] {
    const name = path.join(import.meta.dirname, 'manifests.virtual.ts');
    const text = objects
      .map((object, at) => {
        const type = `import('${moduleOf(object)}').I${object.kind}`;
        return `export const object${at}: ${type} = ${JSON.stringify(object)};`;
      })
      .join('\n');
    const options: ts.CompilerOptions = {
      ...{ strict: true, noEmit: true, skipLibCheck: true, types: [] },
      ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext },
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    };
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists } = host;
    host.fileExists = (file) => file === name || fileExists(file);
    host.getSourceFile = (file, ...others) =>
      file === name ? ts.createSourceFile(file, text, ts.ScriptTarget.ES2022) : getSourceFile(file, ...others);
    const program = ts.createProgram([name], options, host);
    return ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }

  test('have only fields that Kubernetes, KEDA or the Prometheus operator know', { timeout: 60_000 }, () => {
    expect(unknownFields(manifests)).toEqual([]);
    const [deployment] = yamlOf('kubernetes/deployment.yaml');
    deployment.spec.template.spec.containers[0].livnessProbe = {};
    const wrong = [...manifests.map((manifest) => ({ ...manifest, spek: {} })), deployment];
    const found = unknownFields(wrong).map((text) => /'"(\w+)"' does not exist in type/.exec(text)?.[1]);
    expect(found).toEqual([...manifests.map(() => 'spek'), 'livnessProbe']);
  });
});
