import Foundation
import PackagePlugin

/// Embeds files of the tree as text into the target that uses the plugin.
///
/// `UQCodegen` gets the C of `Sources/UQRuntime`, `UQBoards` gets `Sources/UQBoards/Support`: what is
/// exported is then always what was compiled and tested.
@main
struct EmbedFiles: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let sources = context.package.directoryURL.appending(path: "Sources")
    let folders: [URL]
    let name: String
    switch target.name {
    case "UQCodegen":
      folders = [
        sources.appending(path: "UQRuntime"), sources.appending(path: "UQRuntime/include"),
      ]
      name = "RuntimeFiles"
    case "UQBoards":
      folders = [sources.appending(path: "UQBoards/Support")]
      name = "BoardFiles"
    default:
      Diagnostics.error("no files are known for \(target.name)")
      return []
    }
    let wanted: Set<String> = ["c", "h", "ld", "S"]
    let files = folders.flatMap {
      (try? FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil)) ?? []
    }
    .filter { wanted.contains($0.pathExtension) && $0.lastPathComponent != "module.modulemap" }
    .sorted { $0.path < $1.path }
    let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
    return [
      .buildCommand(
        displayName: "Embedding \(name)",
        executable: try context.tool(named: "uq-embed").url,
        arguments: [output.path, name] + files.map(\.path),
        inputFiles: files, outputFiles: [output])
    ]
  }
}
