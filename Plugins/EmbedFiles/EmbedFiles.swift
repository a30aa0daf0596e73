import Foundation
import PackagePlugin

/// Embeds files of the tree as text into the target that uses the plugin.
///
/// `UQCodegen` gets the C of `Sources/UQRuntime`, `UQBoards` gets `Sources/UQBoards/Support`: what is
/// exported is then always what was compiled and tested. `UQToolkit` gets the data of `Calibration`, so
/// that its names work in any folder.
@main
struct EmbedFiles: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let root = context.package.directoryURL
    let code: Set<String> = ["c", "h", "ld", "S"]
    switch target.name {
    case "UQCodegen":
      return [
        try command(
          "RuntimeFiles", ["Sources/UQRuntime", "Sources/UQRuntime/include"], code, root, context)
      ]
    case "UQBoards":
      return [try command("BoardFiles", ["Sources/UQBoards/Support"], code, root, context)]
    case "UQToolkit":
      return [
        try command("TargetFiles", ["Calibration/targets"], ["json"], root, context),
        try command("RecipeFiles", ["Calibration/recipes"], ["json"], root, context),
      ]
    default:
      Diagnostics.error("no files are known for \(target.name)")
      return []
    }
  }

  private func command(
    _ name: String, _ folders: [String], _ wanted: Set<String>, _ root: URL,
    _ context: PluginContext
  ) throws -> Command {
    let files = folders.flatMap {
      (try? FileManager.default.contentsOfDirectory(
        at: root.appending(path: $0), includingPropertiesForKeys: nil)) ?? []
    }
    .filter { wanted.contains($0.pathExtension) && $0.lastPathComponent != "module.modulemap" }
    .sorted { $0.path < $1.path }
    let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
    return .buildCommand(
      displayName: "Embedding \(name)",
      executable: try context.tool(named: "uq-embed").url,
      arguments: [output.path, name] + files.map(\.path),
      inputFiles: files, outputFiles: [output])
  }
}
