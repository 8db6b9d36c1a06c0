// SPDX-License-Identifier: Apache-2.0
// Empty: carries the precompiled headers of the tests.
