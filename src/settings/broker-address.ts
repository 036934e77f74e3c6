/** The address of the broker and how to connect to it: a URL with its query. Reads the files that the query names. */
import fs from 'node:fs';
import { reasonOf } from '../errors.js';
import { type BrokerParameters, brokerParameters } from './broker-parameters.js';
import { type BrokerHost, parseBrokerUrl, queryOf } from './broker-url.js';
import { type Check, Expected } from './option.js';
import { type TlsOptions, tlsOptions } from './tls-options.js';

export interface BrokerAddress {
  readonly hosts: readonly BrokerHost[];
  readonly parameters: BrokerParameters;
  /** From the files that the query names. */
  readonly tls: Readonly<TlsOptions> | undefined;
}

/**
 * An address that cannot be used. Loghive does not fall back to another one: the records would go to the wrong broker.
 */
export interface UnusableAddress {
  /** What is wrong, as a sentence. */
  readonly fault: string;
}

export const brokerAddress: Check<BrokerAddress | UnusableAddress | undefined> = (value) => {
  const hosts = parseBrokerUrl(value);
  const parameters = brokerParameters(
    queryOf(String(value)),
    hosts.every(({ protocol }) => protocol === 'amqps'),
  );
  return Object.freeze({ hosts, parameters, tls: tlsOf(parameters) });
};

function tlsOf({ caFile, certFile, keyFile, servername }: BrokerParameters): Readonly<TlsOptions> | undefined {
  const named = { ca: caFile, cert: certFile, key: keyFile };
  const files = Object.entries(named).flatMap(([name, file]) => (file === undefined ? [] : [[name, content(file)]]));
  if (files.length === 0 && servername === undefined) return undefined;
  return tlsOptions({ ...Object.fromEntries(files), ...(servername === undefined ? {} : { servername }) });
}

function content(file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw new Expected(`readable files in its query (${reasonOf(error)})`);
  }
}
