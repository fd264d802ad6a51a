// Azure's own client for node against the workspace that the environment names. It lists and gets everything,
// deletes what its arguments name (KIND/NAME…), and prints what it saw as one JSON object.
import { AzureMachineLearningWorkspaces } from "@azure/arm-machinelearning";
import { DefaultAzureCredential } from "@azure/identity";

const { AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP, AZUREML_WORKSPACE_NAME, ARM_URL } = process.env;
const client = new AzureMachineLearningWorkspaces(new DefaultAzureCredential(), AZURE_SUBSCRIPTION_ID, {
  endpoint: ARM_URL,
});
const at = [AZURE_RESOURCE_GROUP, AZUREML_WORKSPACE_NAME];
const polling = { updateIntervalInMs: 200 };

async function names(iterator, get) {
  const found = [];
  for await (const item of iterator) {
    if (get) {
      const again = await get(item.name);
      if (again.id !== item.id) throw new Error(`${again.id} is not ${item.id}`);
    }
    found.push(item.name);
  }
  return found;
}

async function remove(path) {
  const [kind, name, inner] = path.split("/");
  if (kind === "jobs") await client.jobs.beginDeleteAndWait(...at, name, polling);
  if (kind === "models") await client.modelVersions.delete(...at, name, inner);
  if (kind === "deployments") await client.onlineDeployments.beginDeleteAndWait(...at, name, inner, polling);
  if (kind === "endpoints") await client.onlineEndpoints.beginDeleteAndWait(...at, name, polling);
  if (kind === "computes") await client.computeOperations.beginDeleteAndWait(...at, name, "Delete", polling);
}

for (const path of process.argv.slice(2)) await remove(path);
const models = await names(client.modelContainers.list(...at), (name) => client.modelContainers.get(...at, name));
const endpoints = await names(client.onlineEndpoints.list(...at), (name) => client.onlineEndpoints.get(...at, name));
const versions = {};
for (const name of models) {
  versions[name] = await names(client.modelVersions.list(...at, name), (v) => client.modelVersions.get(...at, name, v));
}
const deployments = {};
const keys = {};
for (const name of endpoints) {
  deployments[name] = await names(client.onlineDeployments.list(...at, name), (d) =>
    client.onlineDeployments.get(...at, name, d),
  );
  keys[name] = (await client.onlineEndpoints.listKeys(...at, name)).primaryKey;
}
const jobs = {};
for await (const job of client.jobs.list(...at)) {
  const again = await client.jobs.get(...at, job.name);
  jobs[job.name] = { type: again.properties.jobType, status: again.properties.status };
}
console.log(
  JSON.stringify({
    workspace: (await client.workspaces.get(...at)).name,
    jobs,
    models: versions,
    endpoints: deployments,
    keys,
    computes: await names(client.computeOperations.list(...at), (name) => client.computeOperations.get(...at, name)),
    datastores: await names(client.datastores.list(...at), (name) => client.datastores.get(...at, name)),
    data: await names(client.dataContainers.list(...at), (name) => client.dataContainers.get(...at, name)),
    environments: await names(client.environmentContainers.list(...at)),
    components: await names(client.componentContainers.list(...at)),
    usages: await names(client.usages.list("eastus2")).then((found) => found.length),
    sizes: (await client.virtualMachineSizes.list("eastus2")).value.length,
  }),
);
