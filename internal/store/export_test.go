package store

// DueQuery is the statement whose plan a test looks at.
const DueQuery = dueQuery
