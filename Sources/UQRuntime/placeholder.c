typedef int UQRuntime_placeholder;
