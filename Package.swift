// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),  // SE-0335
  .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
]

/// What computes is optimised in debug builds too: tests and documents run whole networks.
let computing: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]
let computingC: [CSetting] = [.unsafeFlags(["-O2"], .when(configuration: .debug))]

/// A Swift layer of the project; `imports` is the complete list of what it may use.
func layer(
  _ name: String, _ imports: [Target.Dependency], computes: Bool = false,
  plugins: [Target.PluginUsage] = []
) -> Target {
  .target(
    name: name, dependencies: imports, swiftSettings: strict + (computes ? computing : []),
    plugins: plugins)
}

func tests(_ name: String, _ imports: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: imports, path: "Tests/\(name)", resources: resources,
    swiftSettings: strict)
}

func system(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
  name: "uq",
  products: [
    .executable(name: "uq", targets: ["uq"]),
    .library(name: "UQRuntime", targets: ["UQRuntime"]),
    .library(name: "UQToolkit", targets: ["UQToolkit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // Libraries of the system and C.
    system("CProtobufC", pkgConfig: "libprotobuf-c", apt: "libprotobuf-c-dev"),
    system("CLibMD", pkgConfig: "libmd", apt: "libmd-dev"),
    .target(name: "COnnx", dependencies: ["CProtobufC"]),
    .target(name: "CCalibration", dependencies: ["CProtobufC"]),
    .target(
      name: "CMedia",
      linkerSettings: [
        .linkedLibrary("png"), .linkedLibrary("jpeg"), .linkedLibrary("sndfile"),
        .linkedLibrary("z"),
      ]),
    .target(
      name: "COneDNN", cSettings: computingC, linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "UQRuntime", cSettings: computingC),

    // Values.
    layer("UQSupport", ["CLibMD"], computes: true),
    layer("UQNumerics", ["UQSupport"], computes: true),
    layer("UQGraph", ["UQNumerics", "UQSupport"]),
    layer("UQKernels", ["UQGraph", "UQNumerics", "UQSupport", "UQRuntime"], computes: true),
    layer("UQOperators", ["UQKernels", "UQGraph", "UQNumerics", "UQSupport"]),

    // Stages: siblings that meet only in the values above.
    layer("UQOnnx", ["COnnx", "CProtobufC", "UQGraph", "UQNumerics", "UQSupport"]),
    layer("UQRelay", ["UQGraph", "UQNumerics", "UQSupport"]),
    layer("UQPasses", ["UQOperators", "UQGraph", "UQNumerics", "UQSupport"]),
    layer("UQEngine", ["COneDNN", "UQGraph", "UQNumerics", "UQSupport"], computes: true),
    layer("UQSamples", ["CMedia", "Yams", "UQNumerics", "UQSupport"]),
    layer(
      "UQCalibration",
      [
        "CCalibration", "CProtobufC", "COneDNN", "UQOperators", "UQGraph", "UQNumerics",
        "UQSupport",
      ]),
    layer(
      "UQQuantizer", ["UQOperators", "UQKernels", "UQGraph", "UQNumerics", "UQSupport"],
      computes: true),
    layer("UQAllocation", ["UQSupport"], computes: true),
    layer("UQPlanner", ["UQKernels", "UQGraph", "UQNumerics", "UQSupport"]),
    layer(
      "UQCodegen", ["UQKernels", "UQGraph", "UQNumerics", "UQSupport"],
      plugins: [.plugin(name: "EmbedFiles")]),
    layer("UQSimulator", ["UQKernels", "UQGraph", "UQNumerics", "UQSupport"], computes: true),
    .target(
      name: "UQBoards", dependencies: ["UQSupport"], exclude: ["Support"], swiftSettings: strict,
      plugins: [.plugin(name: "EmbedFiles")]),

    // The product.
    layer("UQReport", ["UQGraph", "UQNumerics", "UQSupport"]),
    layer(
      "UQToolkit",
      [
        "UQOnnx", "UQRelay", "UQPasses", "UQEngine", "UQSamples", "UQCalibration", "UQQuantizer",
        "UQAllocation", "UQPlanner",
        "UQCodegen", "UQSimulator", "UQBoards", "UQReport", "UQOperators", "UQKernels", "UQGraph",
        "UQNumerics", "UQSupport", "Yams",
      ], plugins: [.plugin(name: "EmbedFiles")]),
    .executableTarget(
      name: "uq",
      dependencies: [
        "UQToolkit", "UQReport", "UQBoards", "UQCalibration", "UQQuantizer", "UQKernels", "UQGraph",
        "UQNumerics", "UQSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // Files of the tree that travel inside the program (runtime sources, board support).
    .executableTarget(name: "uq-embed", swiftSettings: strict),
    .plugin(name: "EmbedFiles", capability: .buildTool(), dependencies: ["uq-embed"]),

    tests("ArchitectureTests", []),
    tests("UQAllocationTests", ["UQAllocation", "UQSupport"]),
    tests("COneDNNTests", ["COneDNN"]),
    tests("DocumentationTests", ["UQOperators", "UQKernels", "UQGraph"]),
    tests("UQBoardsTests", ["UQBoards", "UQSupport"]),
    tests(
      "UQCalibrationTests",
      [
        "UQCalibration", "UQEngine", "UQOperators", "UQGraph", "UQNumerics", "UQSupport",
      ]),
    tests(
      "UQCodegenTests",
      [
        "UQCodegen", "UQSimulator", "UQPlanner", "UQKernels", "UQRuntime", "UQGraph", "UQNumerics",
        "UQSupport",
      ], resources: [.copy("Golden")]),
    tests(
      "UQKernelsTests",
      ["UQOperators", "UQKernels", "UQRuntime", "UQGraph", "UQNumerics", "UQSupport"]),
    tests("UQOnnxTests", ["UQOnnx", "UQOperators", "UQGraph", "UQNumerics", "UQSupport"]),
    tests(
      "UQOperatorsTests",
      ["UQOperators", "UQKernels", "UQOnnx", "UQGraph", "UQNumerics", "UQSupport"],
      resources: [.copy("Cases")]),
    tests(
      "UQPassesTests",
      [
        "UQPasses", "UQOnnx", "UQEngine", "UQSamples", "UQOperators", "UQGraph", "UQNumerics",
        "UQSupport",
      ], resources: [.copy("Cases")]),
    tests(
      "UQEngineTests",
      ["UQEngine", "UQOperators", "UQGraph", "UQNumerics", "UQSupport"]),
    tests(
      "RelayNetworkTests",
      [
        "UQRelay", "UQOnnx", "UQOperators", "UQPasses", "UQEngine", "UQSamples", "UQKernels",
        "UQPlanner", "UQSimulator", "UQGraph", "UQNumerics", "UQSupport",
      ]),
    tests("UQPlannerTests", ["UQPlanner", "UQKernels", "UQGraph", "UQNumerics", "UQSupport"]),
    tests(
      "UQRelayTests", ["UQRelay", "UQOperators", "UQGraph", "UQNumerics", "UQSupport"]),
    tests(
      "UQQuantizerTests",
      [
        "UQQuantizer", "UQEngine", "UQOperators", "UQGraph", "UQNumerics", "UQSupport",
      ]),
    tests(
      "UQReportTests",
      [
        "UQReport", "UQToolkit", "UQBoards", "UQCalibration", "UQQuantizer", "UQKernels",
        "UQSamples", "UQNumerics", "UQSupport",
      ], resources: [.copy("Golden")]),
    tests("UQRuntimeTests", ["UQRuntime", "UQSupport"]),
    tests(
      "UQSamplesTests", ["UQSamples", "CMedia", "UQNumerics", "UQSupport", "Yams"],
      resources: [.copy("fixtures.json")]),
    tests(
      "UQSimulatorTests",
      ["UQSimulator", "UQPlanner", "UQKernels", "UQGraph", "UQNumerics", "UQSupport"]),
    tests("UQSupportTests", ["UQSupport"]),
    tests(
      "UQToolkitTests",
      [
        "UQToolkit", "UQBoards", "UQCalibration", "UQQuantizer", "UQKernels", "UQOnnx",
        "UQOperators", "UQReport", "UQSamples", "UQGraph", "UQNumerics", "UQSupport",
      ]),
    tests(
      "KernelFamilyTests",
      [
        "UQToolkit", "UQBoards", "UQCodegen", "UQSimulator", "UQPlanner", "UQPasses", "UQEngine",
        "UQCalibration", "UQQuantizer", "UQOperators", "UQKernels", "UQGraph", "UQNumerics",
        "UQSupport",
      ]),
    tests("UQCommandTests", ["uq", "UQBoards", "UQSupport"]),

    // Readers of files from outside, as the fuzzer and its regression tests run them.
    .target(
      name: "FuzzTargets",
      dependencies: [
        "UQToolkit", "UQRelay", "UQOnnx", "UQSamples", "UQCalibration", "UQPasses", "UQEngine",
        "UQOperators", "UQGraph", "UQNumerics", "UQSupport",
      ], path: "Tests/Fuzz/Targets", swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Regression",
      resources: [.copy("Corpus"), .copy("Findings")], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c99
)

// `make fuzz`: needs libFuzzer, which the toolchain links where everything is compiled for it.
if Context.environment["UQ_FUZZ"] != nil {
  package.targets += [
    .target(name: "CFuzzDriver", path: "Tests/Fuzz/Bridge"),
    .executableTarget(
      name: "uq-fuzz", dependencies: ["CFuzzDriver", "FuzzTargets"], path: "Tests/Fuzz/Driver",
      swiftSettings: strict),
  ]
}
