/** What in deploy/ has a schema, held to it: names that are misspelt or in the wrong place are found. */
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
  // Its name of the draft is not the one by which Ajv knows it.
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const isCompose = ajv.compile({ ...schema, $schema: undefined });
  const faultsOf = (document: unknown) => (isCompose(document) ? [] : ajv.errorsText(isCompose.errors));

  test('is what the specification of Compose allows', () => {
    const [document] = yamlOf('compose.yaml');
    expect(faultsOf(document)).toEqual([]);
    document.services.consumer.restrat = 'always';
    expect(faultsOf(document)).toContain('must NOT have additional properties');
  });
});

describe('the Dockerfile', () => {
  test('has nothing that a linter finds', () => {
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

  /** The module that has the model of a kind: those of Kubernetes itself, of KEDA, and of the Prometheus operator. */
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

  /** The schemas pass over fields that they do not know. The types of the same models do not. */
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

  test('have no field that Kubernetes, KEDA or the Prometheus operator does not know', { timeout: 60_000 }, () => {
    expect(unknownFields(manifests)).toEqual([]);
    const [deployment] = yamlOf('kubernetes/deployment.yaml');
    deployment.spec.template.spec.containers[0].livnessProbe = {};
    const wrong = [...manifests.map((manifest) => ({ ...manifest, spek: {} })), deployment];
    const found = unknownFields(wrong).map((text) => /'"(\w+)"' does not exist in type/.exec(text)?.[1]);
    expect(found).toEqual([...manifests.map(() => 'spek'), 'livnessProbe']);
  });
});
