import Foundation
import UQGraph
import UQOperators
import UQSupport

@testable import UQRelay

/// A program with the header before it.
func program(_ text: String) -> String { "#[version = \"0.0.5\"]\n" + text }

/// The graph of a program.
func graph(_ text: String) throws -> Graph {
  try RelayImporter.load(text: program(text), operators: allOperators)
}

/// What is wrong with a program.
func problems(_ text: String) -> [Diagnostic] {
  do {
    _ = try RelayImporter.load(text: text, operators: allOperators)
    return []
  } catch {
    return diagnostics(of: error)
  }
}
