namespace System.Runtime.CompilerServices;

/// <summary>
/// Lets this assembly use the internals of another one at run time. The runtime looks for the attribute by name.
/// </summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
{
    public string AssemblyName { get; } = assemblyName;
}
