import UQGraph

/// Everything that foreign nodes are imported by and that graphs are made of; a test compares the
/// list with the folder.
public let allOperators: [any ForeignOperator.Type] = []
