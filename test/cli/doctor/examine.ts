/** Runs the steps of `loghive doctor` in this process. */
import { examine } from '../../../cli/doctor/doctor.js';
import { type Arguments, readSettings } from '../../../cli/doctor/settings.js';
import type { Finding } from '../../../cli/doctor/verdict.js';

export interface Examined {
  readonly findings: readonly Finding[];
  /** `step: what is wrong → what to do` */
  readonly faults: readonly string[];
}

/** By default for service "shop", without sending a record. */
export async function examined(given: Partial<Arguments>, { send = false } = {}): Promise<Examined> {
  const findings: Finding[] = [];
  const settings = readSettings({ services: ['shop'], ...given }, []);
  await examine(settings, send, async (finding) => {
    findings.push(finding);
  });
  const faults = findings.flatMap((each) =>
    each.state === 'failed' ? [`${each.step}: ${each.detail} → ${each.remedy}`] : [],
  );
  return { findings, faults };
}

export function detailOf({ findings }: Examined, step: string): string | undefined {
  return findings.find((finding) => finding.step === step)?.detail;
}
