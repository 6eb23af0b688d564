using System.Reflection;
using System.Reflection.Emit;
using DCCL.ML.Device;
using DCCL.ML.Scoring;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>What runs on devices asks for nothing of ML.NET: its assemblies need not even be there.</summary>
public sealed class DeviceReferencesTests
{
    private static readonly Dictionary<ushort, OpCode> _operations = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(operation => unchecked((ushort)operation.Value));

    [Test]
    public void Device_EveryMethod_UsesNothingOfMlNet()
    {
        Type[] types = [.. typeof(DevicePersonalizer).Assembly.GetTypes().Where(type => type.Namespace == typeof(DevicePersonalizer).Namespace)];

        Assert.That(types, Has.Length.GreaterThan(15));
        Assert.That(types.SelectMany(FindMlNet).Distinct(), Is.Empty);
    }

    [Test]
    public void FindMlNet_OfATransformer_FindsIt() =>
        Assert.That(FindMlNet(typeof(DeviceCloudPredictionTransformer)), Has.Some.Contains("Microsoft.ML"));

    private static IEnumerable<string> FindMlNet(Type type)
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<MethodBase> methods = type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All));
        IEnumerable<Type?> used = methods.SelectMany(GetTypes).Concat(type.GetFields(All).Select(field => field.FieldType)).Append(type.BaseType).Concat(type.GetInterfaces());
        return used.OfType<Type>().SelectMany(Parts).Where(IsMlNet).Select(part => $"{type.Name}: {part.FullName} of {part.Assembly.GetName().Name}");
    }

    private static bool IsMlNet(Type type) =>
        type.Assembly.GetName().Name is string name && name.StartsWith("Microsoft.ML", StringComparison.Ordinal) && name != "Microsoft.ML.OnnxRuntime";

    private static IEnumerable<Type> Parts(Type type) =>
        type.HasElementType ? Parts(type.GetElementType()!) : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type) : [type];

    private static IEnumerable<Type?> GetTypes(MethodBase method)
    {
        IEnumerable<Type?> signature = method.GetParameters().Select(parameter => parameter.ParameterType);
        signature = method is MethodInfo info ? signature.Append(info.ReturnType) : signature;
        MethodBody? body = method.GetMethodBody();
        return body is null ? signature : signature.Concat(body.LocalVariables.Select(local => local.LocalType)).Concat(GetMembers(method, body.GetILAsByteArray()!).SelectMany(Describe));
    }

    private static IEnumerable<Type?> Describe(MemberInfo member) => member switch
    {
        Type type => [type],
        MethodInfo method => [method.DeclaringType, method.ReturnType, .. method.GetParameters().Select(parameter => parameter.ParameterType)],
        FieldInfo field => [field.DeclaringType, field.FieldType],
        _ => [member.DeclaringType],
    };

    private static IEnumerable<MemberInfo> GetMembers(MethodBase method, byte[] code)
    {
        Type[]? typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        Type[]? methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (int i = 0; i < code.Length;)
        {
            ushort value = code[i++];
            value = value == 0xFE ? (ushort)(0xFE00 | code[i++]) : value;
            OperandType operand = _operations[value].OperandType;
            if (operand is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
            {
                yield return method.Module.ResolveMember(BitConverter.ToInt32(code, i), typeArguments, methodArguments)!;
            }

            i += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, i)),
                _ => 4,
            };
        }
    }
}
