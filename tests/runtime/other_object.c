/* SPDX-License-Identifier: Apache-2.0 */
/* An object that holds one function, for loaded_object_test.cpp. */
int heddle_other(void) { return 7; }
