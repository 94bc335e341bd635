import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Where the clients built from Go modules are kept; ignored by git. */
export const CLIENT_FOLDER = join(here, '.clients');

const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  chromium: 'chromium',
  mvn: 'maven',
  java: 'default-jre-headless',
  unzip: 'unzip',
  skopeo: 'skopeo',
  buildah: 'buildah',
  podman: 'podman',
  runc: 'runc',
  // Version 2; version 1 is among the Python packages.
  '/usr/bin/aws': 'awscli',
  s3cmd: 's3cmd',
  rclone: 'rclone',
  restic: 'restic',
  s3fs: 's3fs',
  '/usr/sbin/slapd': 'slapd',
};

/** Installed into a virtual environment of their own. DuckDB loads only the extensions of its own version. */
const PYTHON_PACKAGES = [
  'awscli==1.46.3',
  'boto3==1.44.8',
  'duckdb==1.5.5',
  'duckdb-extension-httpfs==1.5.5',
] as const;
const PYTHON_FOLDER = join(CLIENT_FOLDER, 'python');

/** Runs Python programs that use boto3 and DuckDB. */
export const PYTHON = join(PYTHON_FOLDER, 'bin/python');
/** Both versions of the AWS CLI are called `aws`. */
export const AWS_CLI = { v1: join(PYTHON_FOLDER, 'bin/aws'), v2: '/usr/bin/aws' } as const;

/** Of Maven Central; unpacked beside the others. */
const KEYCLOAK_VERSION = '26.7.3';
export const KEYCLOAK_FOLDER = join(CLIENT_FOLDER, `keycloak-${KEYCLOAK_VERSION}`);

/** For playwright-core, which brings no browser. */
export const CHROMIUM = '/usr/bin/chromium';

const GO_CLIENTS: Readonly<Record<string, string>> = {
  crane: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1',
  regctl: 'github.com/regclient/regclient/cmd/regctl@v0.11.7',
  oras: 'oras.land/oras/cmd/oras@v1.3.6',
  helm: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  mc: 'github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9',
};

/** A program of ours on the AWS SDK for Go. */
export const GO_SDK_PROGRAM = join(CLIENT_FOLDER, 's3-go');

const CONFORMANCE = 'github.com/opencontainers/distribution-spec/conformance';

/** Installs what is missing. Throws with the command's own output when a client cannot be had. */
export function installClients(): void {
  mkdirSync(CLIENT_FOLDER, { recursive: true });
  const missing = Object.entries(DEBIAN_PACKAGES).filter(([command]) => !onPath(command));
  if (missing.length > 0) {
    must('apt-get', ['update', '-qq']);
    must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing.map(([, name]) => name)]);
  }
  installPythonPackages();
  installKeycloak();
  for (const [command, module] of Object.entries(GO_CLIENTS)) {
    if (existsSync(join(CLIENT_FOLDER, command))) continue;
    console.log(`installing ${command}`);
    must('go', ['install', module], { GOBIN: CLIENT_FOLDER });
  }
  const conformance = join(CLIENT_FOLDER, 'conformance');
  if (!existsSync(conformance)) {
    console.log('building the conformance program of the distribution-spec');
    must('go', ['build', '-C', join(here, 'conformance'), '-o', conformance, CONFORMANCE]);
  }
  // Built each time: it is part of this folder.
  must('go', ['build', '-C', join(here, 's3-go'), '-o', GO_SDK_PROGRAM, '.']);
}

/** Whether the machine has it: nobody packages it, so it is not installed. */
export function hasTerraform(): boolean {
  return onPath('terraform');
}

function installKeycloak(): void {
  if (existsSync(join(KEYCLOAK_FOLDER, 'bin/kc.sh'))) return;
  console.log(`installing Keycloak ${KEYCLOAK_VERSION}`);
  const name = `keycloak-quarkus-dist-${KEYCLOAK_VERSION}.zip`;
  must('mvn', [
    '-q',
    '-B',
    'dependency:copy',
    `-Dartifact=org.keycloak:keycloak-quarkus-dist:${KEYCLOAK_VERSION}:zip`,
    `-DoutputDirectory=${CLIENT_FOLDER}`,
  ]);
  must('unzip', ['-q', '-o', join(CLIENT_FOLDER, name), '-d', CLIENT_FOLDER]);
  rmSync(join(CLIENT_FOLDER, name));
}

/** The list is kept beside what was installed, so that a changed list is installed again. */
function installPythonPackages(): void {
  const list = join(PYTHON_FOLDER, 'installed.txt');
  const wanted = PYTHON_PACKAGES.join('\n');
  if (existsSync(list) && readFileSync(list, 'utf8') === wanted) return;
  console.log(`installing ${PYTHON_PACKAGES.join(', ')}`);
  if (spawnSync('python3', ['-c', 'import ensurepip']).status !== 0) {
    must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'python3-venv']);
  }
  must('python3', ['-m', 'venv', '--clear', PYTHON_FOLDER]);
  must(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PYTHON_PACKAGES]);
  writeFileSync(list, wanted);
}

/** The PATH on which every client is found. */
export function clientPath(): string {
  return [CLIENT_FOLDER, process.env.PATH].join(delimiter);
}

function onPath(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

function must(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...env },
  });
  if (result.status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} failed (${result.error?.message ?? result.status})\n${result.stdout ?? ''}${result.stderr ?? ''}`,
    );
  }
}
