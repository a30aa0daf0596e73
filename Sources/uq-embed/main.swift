/// Writes one Swift file holding the text of other files: `uq-embed OUTPUT NAME FILE...`.
///
/// The result declares `enum NAME { static let files: [(name: String, text: String)] }`.
import Foundation

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
  FileHandle.standardError.write(Data("usage: uq-embed OUTPUT NAME FILE...\n".utf8))
  exit(64)
}
var text = "enum \(arguments[2]) {\n  static let files: [(name: String, text: String)] = [\n"
for path in arguments.dropFirst(3).sorted() {
  let content = try String(contentsOfFile: path, encoding: .utf8)
  let name = URL(fileURLWithPath: path).lastPathComponent
  text += "    (\n      \"\(name)\",\n      ####\"\"\"\n\(content)\n\"\"\"####\n    ),\n"
}
text += "  ]\n}\n"
try text.write(toFile: arguments[1], atomically: true, encoding: .utf8)
