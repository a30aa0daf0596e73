import Foundation
import Synchronization
import UQSupport

/// How a program ended and what it printed.
public struct FinishedProcess: Sendable, Hashable {
  /// How a program ended.
  public enum Ending: Sendable, Hashable {
    /// With an exit status.
    case status(Int32)
    /// By a signal.
    case signal(Int32)
    /// Killed at its time limit.
    case timeLimit
  }

  /// How it ended.
  public var ending: Ending
  /// Standard output, at most ``ProcessRunner/longestCapture`` bytes.
  public var output: String
  /// Standard error, at most ``ProcessRunner/longestCapture`` bytes.
  public var errors: String

  /// Whether it ended with exit status 0.
  public var succeeded: Bool { ending == .status(0) }

  /// How it ended, in words.
  public var endingText: String {
    switch ending {
    case .status(let status): "exit status \(status)"
    case .signal(let signal): "signal \(signal)"
    case .timeLimit: "its time limit"
    }
  }

  /// The last lines of standard error, or of standard output where there are none.
  public func tail(_ lines: Int = 12) -> String {
    let text = errors.contains { !$0.isWhitespace } ? errors : output
    return text.split(whereSeparator: \.isNewline).suffix(lines).joined(separator: "\n")
  }
}

/// Runs programs without a shell: standard input is empty, both outputs are captured, and a program that
/// takes longer than it may is killed.
public enum ProcessRunner {
  /// Bytes kept of each output; what follows is read and dropped.
  public static let longestCapture = 8 << 20

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - path: The executable, as ``Tool/locate()`` gives it.
  ///   - arguments: Its arguments, without its name.
  ///   - folder: The folder it starts in.
  ///   - environment: Variables added to this process's own.
  ///   - timeLimit: Seconds of wall-clock time.
  /// - Throws: `board.process.start` where it cannot be started; `board.tool.missing` without coreutils.
  public static func run(
    _ path: String, _ arguments: [String], in folder: String, environment: [String: String] = [:],
    timeLimit: Double
  ) throws(Diagnostic) -> FinishedProcess {
    // Changing the folder of this process would change it for every thread.
    let changer = try Tool("env", packages: "coreutils").locate()
    let (child, outputs, errors) = try starting.withLock { _ throws(Diagnostic) in
      let outputs = try Pipe()
      let errors = try Pipe()
      let child = try start(
        changer, ["-C", folder, path] + arguments, environment: environment, output: outputs,
        errors: errors)
      outputs.closeWriting()
      errors.closeWriting()
      return (child, outputs, errors)
    }

    let deadline = Clock.seconds + timeLimit
    var captures = [Capture(pipe: outputs), Capture(pipe: errors)]
    let endedInTime = drain(&captures, until: deadline)
    let ending =
      endedInTime ? wait(for: child, until: deadline) : nil
    return FinishedProcess(
      ending: ending ?? kill(child), output: captures[0].text, errors: captures[1].text)
  }

  /// One start at a time: a program started by another thread between the opening of a pipe and the
  /// closing of its writing end would hold that end open for as long as it runs.
  private static let starting = Mutex(())

  private static func start(
    _ path: String, _ arguments: [String], environment: [String: String], output: Pipe, errors: Pipe
  ) throws(Diagnostic) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writing, 1)
    posix_spawn_file_actions_adddup2(&actions, errors.writing, 2)
    for end in [output.reading, output.writing, errors.reading, errors.writing] {
      posix_spawn_file_actions_addclose(&actions, end)
    }

    var variables = ProcessInfo.processInfo.environment
    // Messages of compilers are quoted in diagnostics, which are the same everywhere.
    variables["LC_ALL"] = "C"
    variables.merge(environment) { _, new in new }
    let settings = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }

    var child: pid_t = 0
    let status = withCStrings([path] + arguments) { arguments in
      withCStrings(settings) { settings in
        posix_spawn(&child, path, &actions, nil, arguments, settings)
      }
    }
    guard status == 0 else {
      throw Diagnostic(
        id: "board.process.start", "cannot start: \(String(cString: strerror(status)))",
        at: SourcePlace(file: path))
    }
    return child
  }

  /// Calls `body` with a null-terminated array of C strings.
  private static func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }

  /// Reads until both ends are closed; false at the deadline.
  private static func drain(_ captures: inout [Capture], until deadline: Double) -> Bool {
    while captures.contains(where: \.isOpen) {
      let left = deadline - Clock.seconds
      guard left > 0 else { return false }
      var polled = captures.map { capture in
        pollfd(fd: capture.isOpen ? capture.pipe.reading : -1, events: Int16(POLLIN), revents: 0)
      }
      // At most a minute at a time keeps the milliseconds within an Int32.
      let ready = poll(&polled, nfds_t(polled.count), Int32(min(left, 60) * 1000) + 1)
      if ready < 0, errno != EINTR { return false }
      for (index, entry) in polled.enumerated() where entry.revents != 0 {
        captures[index].read()
      }
    }
    return true
  }

  /// Waits for a child that has closed its outputs, which it may have done before its end.
  private static func wait(for child: pid_t, until deadline: Double) -> FinishedProcess.Ending? {
    var pause: UInt32 = 100
    while true {
      var status: Int32 = 0
      let result = waitpid(child, &status, WNOHANG)
      if result == child { return ending(status) }
      if result < 0, errno != EINTR { return .signal(0) }
      guard Clock.seconds < deadline else { return nil }
      usleep(pause)
      pause = min(pause * 2, 20_000)
    }
  }

  private static func kill(_ child: pid_t) -> FinishedProcess.Ending {
    _ = Foundation.kill(child, SIGKILL)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return .timeLimit
  }

  private static func ending(_ status: Int32) -> FinishedProcess.Ending {
    let signal = status & 0x7F
    return signal == 0 ? .status((status >> 8) & 0xFF) : .signal(signal)
  }
}

private enum Clock {
  /// Seconds of a clock that nobody sets.
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Two ends that a child inherits only where it is told to.
private final class Pipe {
  let reading: Int32
  let writing: Int32
  private var writingIsOpen = true

  init() throws(Diagnostic) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw Diagnostic(
        id: "board.process.start", "cannot open a pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    reading = ends[0]
    writing = ends[1]
  }

  func closeWriting() {
    if writingIsOpen { close(writing) }
    writingIsOpen = false
  }

  deinit {
    closeWriting()
    close(reading)
  }
}

private struct Capture {
  let pipe: Pipe
  var isOpen = true
  private var bytes: [UInt8] = []

  init(pipe: Pipe) { self.pipe = pipe }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func read() {
    let room = 65536
    let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      count = max(0, Foundation.read(pipe.reading, buffer.baseAddress, room))
    }
    guard !piece.isEmpty else {
      isOpen = false
      return
    }
    bytes.append(contentsOf: piece.prefix(ProcessRunner.longestCapture - bytes.count))
  }
}
