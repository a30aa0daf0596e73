typedef int CCalibration_placeholder;
