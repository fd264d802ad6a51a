// Two identities: what the app may do, and what a job may do. Neither has a secret.
param location string
param tags object
param token string

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-app-${token}'
  location: location
  tags: tags
}

// The cluster's identity, and so the jobs': it reads prepared data and works in the workspace's storage, no more.
// The workspace keeps an identity of its own, with rights on vault and registry that no job needs.
resource jobs 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-jobs-${token}'
  location: location
  tags: tags
}

output appName string = app.name
output appPrincipalId string = app.properties.principalId
output jobsName string = jobs.name
output jobsId string = jobs.id
output jobsPrincipalId string = jobs.properties.principalId
