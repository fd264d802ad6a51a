// What nobody would see by themselves: the clock stands still, an event was given up, the money runs out.
param location string
param tags object
param token string
param insightsName string
param dropsTopicName string
param email string
param monthlyBudget int
param budgetStart string

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource drops 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: dropsTopicName
}

resource people 'Microsoft.Insights/actionGroups@2024-10-01-preview' = if (!empty(email)) {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'droptune'
    emailReceivers: [
      {
        name: 'owner'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

// The timer drives every run: without it only events do.
resource clock 'Microsoft.Insights/scheduledQueryRules@2025-01-01-preview' = {
  name: 'the clock stands still'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    description: 'reconcile_runs has not succeeded for 30 minutes. Look: droptune doctor, then the Function App\'s log stream.'
    enabled: true
    severity: 1
    scopes: [
      insights.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'requests | where name == "reconcile_runs" and success == true'
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
        }
      ]
    }
    actions: {
      actionGroups: empty(email) ? [] : [
        people.id
      ]
    }
  }
}

resource failures 'Microsoft.Insights/scheduledQueryRules@2025-01-01-preview' = {
  name: 'a function fails again and again'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    description: 'One function failed 20 times in an hour. Look: droptune runs, then the Function App\'s log stream.'
    enabled: true
    severity: 2
    scopes: [
      insights.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'requests | where success == false'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 20
          dimensions: [
            {
              name: 'name'
              operator: 'Include'
              values: [
                '*'
              ]
            }
          ]
        }
      ]
    }
    actions: {
      actionGroups: empty(email) ? [] : [
        people.id
      ]
    }
  }
}

// The host's own words, in azure-webjobs-sdk's QueueProcessor: no metric counts the messages of one queue.
resource givenUp 'Microsoft.Insights/scheduledQueryRules@2025-01-01-preview' = {
  name: 'a message was given up'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    description: 'A message failed five times and lies in a poison queue; a run that it was about has failed. Look: droptune requeue'
    enabled: true
    severity: 2
    scopes: [
      insights.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'traces | where message startswith "Message has reached MaxDequeueCount"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: {
      actionGroups: empty(email) ? [] : [
        people.id
      ]
    }
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'an event was given up'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid put an event about a drop into dead-letters. The timer finds the drop all the same. Look: droptune doctor'
    enabled: true
    severity: 3
    scopes: [
      drops.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'DeadLetteredCount'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: empty(email) ? [] : [
      {
        actionGroupId: people.id
      }
    ]
  }
}

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = if (monthlyBudget > 0 && !empty(budgetStart)) {
  name: 'droptune-${token}'
  properties: {
    amount: monthlyBudget
    category: 'Cost'
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      spent80: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: empty(email) ? [] : [
          email
        ]
        contactRoles: [
          'Owner'
        ]
      }
      forecast100: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: empty(email) ? [] : [
          email
        ]
        contactRoles: [
          'Owner'
        ]
      }
    }
  }
}
