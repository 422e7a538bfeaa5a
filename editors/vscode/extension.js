// Starts `resnet-lint server` in the selected Python interpreter, and restarts it when another one is selected.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate(context) {
  const python = await pythonExtension();
  const restart = () => start(python);
  context.subscriptions.push(
    vscode.commands.registerCommand("resnet-lint.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("resnet-lint") && restart()),
  );
  if (python !== undefined) {
    context.subscriptions.push(python.environments.onDidChangeActiveEnvironmentPath(restart));
  }
  await start(python);
}

async function deactivate() {
  await client?.stop();
}

async function start(python) {
  await client?.stop();
  client = undefined;
  const settings = vscode.workspace.getConfiguration("resnet-lint");
  const [command, ...args] = await serverCommand(settings.get("command"), python);
  const started = new LanguageClient(
    "resnet-lint",
    { command, args },
    {
      documentSelector: [{ scheme: "file", language: "python" }],
      initializationOptions: { inlayHints: settings.get("inlayHints") },
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.py") },
    },
  );
  try {
    await started.start();
    client = started;
  } catch (error) {
    vscode.window.showErrorMessage(
      `resnet-lint could not be started: ${error.message}. Install it with: pip install "resnet-lint[server]"`,
    );
  }
}

/** The configured command, else that of the selected interpreter, else the one on PATH. */
async function serverCommand(configured, python) {
  if (configured.length > 0) {
    return configured;
  }
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const environment = await python?.environments.resolveEnvironment(python.environments.getActiveEnvironmentPath(folder));
  const interpreter = environment?.executable.uri?.fsPath;
  return interpreter === undefined ? ["resnet-lint", "server"] : [interpreter, "-m", "resnet_lint", "server"];
}

/** The API of the Python extension; undefined if it is not installed. */
async function pythonExtension() {
  const extension = vscode.extensions.getExtension("ms-python.python");
  return extension === undefined ? undefined : extension.activate();
}

module.exports = { activate, deactivate };
