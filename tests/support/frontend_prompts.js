// Opens each saved workflow as a person would, and leaves beside them what the frontend would send to be run.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

const QUIET = { showMissingNodesDialog: false, showMissingModelsDialog: false, silentAssetErrors: true };

async function opened(name) {
  const answer = await api.fetchApi(`/userdata/${encodeURIComponent(`workflows/${name}`)}`);
  const document = await answer.json();
  document.extra = { ...document.extra, asked: name };
  // What the frontend opens by itself at its start may come between.
  for (let tries = 0; tries < 10; tries++) {
    await app.loadGraphData(structuredClone(document), true, true, null, QUIET);
    const prompt = await app.graphToPrompt();
    if (prompt.workflow.extra?.asked === name) return { prompt: prompt.output };
  }
  throw new Error("another workflow is open");
}

async function kept(path, value) {
  await api.fetchApi(`/userdata/${encodeURIComponent(path)}`, { method: "POST", body: JSON.stringify(value) });
}

async function all() {
  const names = await (await api.fetchApi("/userdata/asked.json")).json();
  for (const name of names) {
    const found = await opened(name).catch((error) => ({ error: String(error) }));
    await kept(`prompts/${name}`, found);
  }
  await kept("prompts/.done", names.length);
}

app.registerExtension({ name: "asked.prompts", setup: () => void all() });
